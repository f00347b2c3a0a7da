"""The stage that scores every image of a shard: it adds columns and drops nothing."""

import math
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from curation import storage
from curation.aesthetic.weights import RELEASED_HEAD
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.schemas import SCORES, SUCCESS
from curation.stage import Resources, ShardResult, ShardStage, execution
from curation.tar import Parts, read_tar

if TYPE_CHECKING:
    from torch import Tensor

_DECIMALS = 4
_COLUMNS = ["key", "sample_id", "status", "caption", "original_width", "original_height"]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """What a score means, written into `dataset.json`: scores of two predictors must not pass for one another.

    Args:
        name: of the predictor whose head is used.
        version: of its head.
        scale: where its scores lie.
        transform: how the model is shown an image; a name for what the code does, which no setting changes.
    """

    name: str = "LAION aesthetic predictor"
    version: str = "v2, sac+logos+ava1-l14-linearMSE"
    scale: str = "about 1 to 10"
    transform: str = "open_clip's, with bicubic shrinking of bytes by torch"


@dataclass(frozen=True, kw_only=True)
class _Image:
    """A decoded image: its `pixels` (3, H, W) for CLIP, and its perceptual hash."""

    pixels: "Tensor"
    phash: str


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """What goes into an image's row; `score` and `similarity` are null where they are no numbers."""

    score: float | None
    similarity: float | None
    phash: str


@dataclass(kw_only=True)
class AestheticScore(ShardStage):
    """Writes `scores/`: each image's aesthetic score, short edge, similarity to its alt-text, and perceptual hash.

    An image that cannot be decoded has nulls for all that needs its pixels; a score that is not a number is null.

    Another batch size changes the last digits of a score, as sums are then taken in another order. Scores are written
    with four decimals, which hides nearly all of that in fp32; no rounding could hide it all, since some scores lie
    on its edge. Decisions are stable all the same: they are made from this file, and it is written once.

    Args:
        model: open_clip's name of the CLIP model, or a folder with open_clip_config.json and the weights.
        pretrained: open_clip's tag of the weights, or a file of them; not used with a folder.
        head: path or URL of the aesthetic head; by default the released one's, 3.7 MB, fetched by each worker.
        predictor: what the head's scores are called in the dataset's settings.
        precision: of CLIP: fp32, fp16 or bf16. The last two are faster, and exact to about two decimals.
        device: torch's name of a device; `auto` takes a GPU where there is one.
        batch_size: images scored at a time.
        threads: images decoded at a time.
        resources: what a worker takes.
    """

    model: str = "ViT-L-14"
    pretrained: str = "openai"
    head: str = RELEASED_HEAD
    predictor: Predictor = field(default_factory=Predictor)
    precision: str = "fp32"
    device: str = execution("auto")
    batch_size: int = execution(64)
    threads: int = execution(4)
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`scores`."""
        return "scores"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The Parquet."""
        return dataset.scores(shard)

    def loads(self) -> Sequence[str]:
        """CLIP and the head, those of them that are files or folders here."""
        return self.model, self.pretrained, self.head

    def setup(self) -> None:
        """Load CLIP and the head."""
        from curation.aesthetic.predictor import AestheticPredictor

        self._predictor = AestheticPredictor.from_pretrained(
            self.model, self.pretrained, self.head, self.device, self.precision
        )

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Score the shard's images."""
        started = time.monotonic()
        images = storage.read_table(dataset.image_table(shard), _COLUMNS)
        images = images.filter(pc.equal(images["status"], SUCCESS)).sort_by("key")
        keys = images["key"].to_pylist()
        texts = dict(zip(keys, images["caption"].to_pylist(), strict=True))
        results = dict(self._results(dataset.image_tar(shard), texts))
        found = [results.get(key, Reason.MISSING_MEMBER) for key in keys]
        storage.write_table(dataset.scores(shard), _table(images, found))
        rejects = Counter(reason.value for reason in map(_reject, found) if reason)
        seconds = time.monotonic() - started
        return ShardResult(rows=len(found), kept=len(found) - rejects.total(), rejects=rejects, seconds=seconds)

    def _results(self, tar: str, texts: Mapping[str, str | None]) -> Iterator[tuple[str, _Scored | Reason]]:
        """The key of each image in the tar, with what it scored or why it did not."""
        decoded = self._decoded(tar)
        while batch := list(islice(decoded, self.batch_size)):
            images = {key: image for key, image in batch if image is not None}
            yield from ((key, Reason.UNDECODABLE) for key, image in batch if image is None)
            if images:
                yield from self._score(images, texts)

    def _score(self, images: Mapping[str, _Image], texts: Mapping[str, str | None]) -> Iterator[tuple[str, _Scored]]:
        import torch

        embeddings = self._predictor.embed(torch.stack([image.pixels for image in images.values()]), self.batch_size)
        scores = self._predictor.score_embeddings(embeddings).tolist()
        told = {row: text for row, key in enumerate(images) if (text := (texts.get(key) or "").strip())}
        compared = self._predictor.similarities(embeddings[list(told)], list(told.values())).tolist()
        similarity = dict(zip(told, compared, strict=True))
        for row, (key, image) in enumerate(images.items()):
            fit = _rounded(similarity.get(row, math.nan))
            yield key, _Scored(score=_rounded(scores[row]), similarity=fit, phash=image.phash)

    def _decoded(self, tar: str) -> Iterator[tuple[str, _Image | None]]:
        """Each image in the tar's order, decoded by threads while the batch before is being scored."""
        waiting: deque[tuple[str, Future[_Image | None]]] = deque()
        with ThreadPoolExecutor(self.threads) as pool:
            for key, parts in read_tar(tar):
                waiting.append((key, pool.submit(self._decode, parts)))
                if len(waiting) >= 2 * self.batch_size:
                    first, image = waiting.popleft()
                    yield first, image.result()
            yield from ((key, image.result()) for key, image in waiting)

    def _decode(self, parts: Parts) -> _Image | None:
        from imagehash import phash

        from curation.download.decoding import ImageLimits, decode
        from curation.download.rejection import RejectedError

        try:
            image = decode(parts.get("jpg", b""), ImageLimits(min_size=1, max_aspect_ratio=math.inf)).image
        except RejectedError:
            return None
        return _Image(pixels=self._predictor.preprocess(image), phash=str(phash(image)))


def _table(images: pa.Table, found: Sequence[_Scored | Reason]) -> pa.Table:
    """SCORES rows of `images`; nulls where there is a reason instead of scores."""
    scored = [None if isinstance(result, Reason) else result for result in found]
    columns = {
        "key": images["key"],
        "sample_id": images["sample_id"],
        "aesthetic": pa.array([result and result.score for result in scored], pa.float32()),
        "short_edge": pc.min_element_wise(images["original_width"], images["original_height"], skip_nulls=False),
        "clip_similarity": pa.array([result and result.similarity for result in scored], pa.float32()),
        "phash": pa.array([result and result.phash for result in scored], pa.string()),
    }
    return pa.table(columns).select(SCORES.names).cast(SCORES)


def _reject(result: _Scored | Reason) -> Reason | None:
    if isinstance(result, Reason):
        return result
    return Reason.NO_SCORE if result.score is None else None


def _rounded(value: float) -> float | None:
    return round(value, _DECIMALS) if math.isfinite(value) else None
