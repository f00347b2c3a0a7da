"""The stage that scores every image of a shard: it adds columns and drops nothing."""

import math
import time
from collections import Counter, deque
from collections.abc import Iterator
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
_COLUMNS = ["key", "sample_id", "status", "original_width", "original_height"]


@dataclass(kw_only=True)
class AestheticScore(ShardStage):
    """Writes `scores/`: the aesthetic score and the original short edge of every image.

    An image that cannot be decoded, or whose score is not a number, has a row with a null score.

    Another batch size changes the last digits of a score, as sums are then taken in another order. Scores are written
    with four decimals, which hides nearly all of that in fp32; no rounding could hide it all, since some scores lie
    on its edge. Decisions are stable all the same: they are made from this file, and it is written once.

    Args:
        model: open_clip's name of the CLIP model, or a folder with open_clip_config.json and the weights.
        pretrained: open_clip's tag of the weights, or a file of them; not used with a folder.
        head: path or URL of the aesthetic head; by default the released one's, 3.7 MB, fetched by each worker.
        precision: of CLIP: fp32, fp16 or bf16. The last two are faster, and exact to about two decimals.
        device: torch's name of a device; `auto` takes a GPU where there is one.
        batch_size: images scored at a time.
        threads: images decoded at a time.
        resources: what a worker takes.
    """

    model: str = "ViT-L-14"
    pretrained: str = "openai"
    head: str = RELEASED_HEAD
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
        results = dict(self._results(dataset.image_tar(shard)))
        found = [results.get(key, Reason.MISSING_MEMBER) for key in images["key"].to_pylist()]
        short_edge = pc.min_element_wise(images["original_width"], images["original_height"], skip_nulls=False)
        scores = [None if isinstance(result, Reason) else result for result in found]
        columns = [images["key"], images["sample_id"], pa.array(scores, pa.float32()), short_edge]
        storage.write_table(dataset.scores(shard), pa.table(columns, names=SCORES.names).cast(SCORES))
        rejects = Counter(result.value for result in found if isinstance(result, Reason))
        seconds = time.monotonic() - started
        return ShardResult(rows=len(found), kept=len(found) - rejects.total(), rejects=rejects, seconds=seconds)

    def _results(self, tar: str) -> Iterator[tuple[str, float | Reason]]:
        """The key of each image in the tar, with its score or why there is none."""
        import torch

        decoded = self._decoded(tar)
        while batch := list(islice(decoded, self.batch_size)):
            pixels = {key: image for key, image in batch if image is not None}
            yield from ((key, Reason.UNDECODABLE) for key, image in batch if image is None)
            if pixels:
                scores = self._predictor.score(torch.stack(list(pixels.values())), self.batch_size).tolist()
                yield from ((key, _rounded(score)) for key, score in zip(pixels, scores, strict=True))

    def _decoded(self, tar: str) -> Iterator[tuple[str, "Tensor | None"]]:
        """Each image's pixels in the tar's order, decoded by threads while the batch before is being scored."""
        waiting: deque[tuple[str, Future[Tensor | None]]] = deque()
        with ThreadPoolExecutor(self.threads) as pool:
            for key, parts in read_tar(tar):
                waiting.append((key, pool.submit(self._decode, parts)))
                if len(waiting) >= 2 * self.batch_size:
                    first, pixels = waiting.popleft()
                    yield first, pixels.result()
            yield from ((key, pixels.result()) for key, pixels in waiting)

    def _decode(self, parts: Parts) -> "Tensor | None":
        from curation.download.decoding import ImageLimits, decode
        from curation.download.rejection import RejectedError

        try:
            image = decode(parts.get("jpg", b""), ImageLimits(min_size=1, max_aspect_ratio=math.inf)).image
        except RejectedError:
            return None
        return self._predictor.preprocess(image)


def _rounded(score: float) -> float | Reason:
    return round(score, _DECIMALS) if math.isfinite(score) else Reason.NO_SCORE
