"""New captions for the images that selection kept, by any captioner."""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from captioning.captioner import Caption, Captioner
from captioning.rows import CaptionRow, check_name, kept_samples, one_line, write_captions
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.stage import Resources, ShardResult, ShardStage, execution
from curation.tar import read_tar

PROMPT = "Describe this image in detail, and the description should be between 15 to 80 words."
"""Asks for what ELLA's captions have: 50 words on average."""


@dataclass(kw_only=True)
class Recaption(ShardStage):
    """Describe every image that selection kept; alt-texts stay where they are.

    Args:
        captioner: the model that writes.
        name: folder below `captions/`, one a captioner and prompt.
        prompt: what the model is asked about every image.
        batch_size: images that the model sees at once.
        resources: what one worker takes, and how many there are.
    """

    captioner: Captioner
    name: str
    prompt: str = PROMPT
    batch_size: int = execution(8)
    resources: Resources = field(default_factory=lambda: Resources(gpus=1), metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`captions/<name>`."""
        return f"captions/{self.name}"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """The captions table."""
        return dataset.captions(self.name, shard)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the settings cannot work."""
        check_name(self.name)
        if not self.prompt.strip():
            raise ValueError("prompt is empty: expected what the model is to be asked about every image")
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}: expected at least 1")
        self.captioner.check()

    def setup(self) -> None:
        """Load the model."""
        self.captioner.setup()

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Caption one shard's images; what has no caption has a reason."""
        started = time.perf_counter()
        samples = kept_samples(dataset, shard)
        outcomes: dict[str, Caption | Reason] = dict.fromkeys(samples, Reason.MISSING_MEMBER)
        batch: dict[str, Image.Image] = {}
        for key, data in _images(dataset, shard, samples):
            image = _decode(data)
            if image is None:
                outcomes[key] = Reason.UNDECODABLE
                continue
            batch[key] = image
            if len(batch) == self.batch_size:
                outcomes |= self._caption(batch)
                batch = {}
        outcomes |= self._caption(batch)
        rows = [self._row(key, samples[key], outcome) for key, outcome in outcomes.items()]
        return write_captions(self.output(dataset, shard), rows, seconds=time.perf_counter() - started)

    def _caption(self, batch: dict[str, Image.Image]) -> dict[str, Caption]:
        if not batch:
            return {}
        captions = self.captioner.caption(list(batch.values()), [self.prompt] * len(batch))
        return dict(zip(batch, captions, strict=True))

    def _row(self, key: str, sample_id: str, outcome: Caption | Reason) -> CaptionRow:
        if isinstance(outcome, Reason):
            return CaptionRow(
                key=key, sample_id=sample_id, flags=(outcome,), prompt=self.prompt, model=self.captioner.model
            )
        caption = one_line(outcome.text)
        return CaptionRow(
            key=key,
            sample_id=sample_id,
            caption=caption,
            raw_caption=outcome.text,
            finish_reason=outcome.finish_reason,
            tokens=outcome.tokens,
            flags=() if caption else (Reason.EMPTY_CAPTION,),
            prompt=self.prompt,
            model=self.captioner.model,
        )


def _images(dataset: Dataset, shard: Shard, samples: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    if not samples:
        return
    for key, parts in read_tar(dataset.image_tar(shard)):
        if key in samples and "jpg" in parts:
            yield key, parts["jpg"]


def _decode(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what Pillow's readers raise
        return None
