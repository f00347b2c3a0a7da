"""New captions for the images that selection kept, by any captioner."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from PIL import Image

from captioning.batches import ShrinkingBatches
from captioning.captioner import Caption, Captioner, Sampling
from captioning.choice import seed
from captioning.cleaning import Cleaning
from captioning.images import Picture, decoded, read_pictures
from captioning.prompts import PROMPT, check_prompts, prompt_for
from captioning.rows import CaptionRow, check_name, kept_samples, write_captions
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.stage import Resources, ShardResult, ShardStage, execution

Rows = dict[str, CaptionRow]
"""The rows of a shard by key; they get better while it is worked on."""


@dataclass(kw_only=True)
class Recaption(ShardStage):
    """Describe every image that selection kept; alt-texts stay where they are.

    A caption with a fault is asked for again, with sampling. What a sample is asked, and with which seed, depends on
    its sample_id alone.

    Args:
        captioner: the model that writes.
        name: folder below `captions/`, one a captioner and prompt.
        prompt: what the model is asked about every image, or several such prompts with their weights. `{alt_text}` in
            a prompt stands for the image's own.
        prompt_without_alt_text: the prompt where the one above wants an alt-text and the image has none.
        cleaning: what is done to a text to make it a caption, and what is a fault.
        retries: how often a caption with a fault is asked for again, before it is flagged.
        temperature: of the retries.
        top_p: of the retries.
        batch_size: images that the captioner is given at once; halved while they do not fit its memory.
        decode_threads: threads that decode images ahead of the model.
        resources: what one worker takes, and how many there are.
    """

    captioner: Captioner
    name: str
    prompt: str | dict[str, float] = PROMPT
    prompt_without_alt_text: str = PROMPT
    cleaning: Cleaning = field(default_factory=Cleaning)
    retries: int = 2
    temperature: float = 0.7
    top_p: float = 0.9
    batch_size: int = execution(8)
    decode_threads: int = execution(4)
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
        check_prompts(self.prompt, self.prompt_without_alt_text)
        Sampling(seeds=(), temperature=self.temperature, top_p=self.top_p)
        for name, least in (("batch_size", 1), ("decode_threads", 1), ("retries", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least {least}")
        self.captioner.check()

    def loads(self) -> Sequence[str]:
        """The captioner's weights."""
        return self.captioner.loads()

    def setup(self) -> None:
        """Load the model."""
        self.captioner.setup()
        self._batches = ShrinkingBatches(self.captioner, self.batch_size)

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Caption one shard's images; what has no caption has a reason."""
        started = time.perf_counter()
        samples = kept_samples(dataset, shard)
        rows = {key: self._flagged(key, sample_id, Reason.MISSING_MEMBER) for key, sample_id in samples.items()}
        pictures: Iterable[Picture] = read_pictures(dataset, shard, samples)
        for attempt in range(self.retries + 1):
            pictures = self._attempt(pictures, rows, attempt)
        return write_captions(self.output(dataset, shard), [*rows.values()], seconds=time.perf_counter() - started)

    def _attempt(self, pictures: Iterable[Picture], rows: Rows, attempt: int) -> list[Picture]:
        """Ask about `pictures` once, and put what comes of it into `rows`; returns those to ask about again."""
        again = []
        for batch in _batched(self._readable(pictures, rows), self.batch_size):
            prompts = [self._prompt(rows[picture.key], picture) for picture, _ in batch]
            sampling = self._sampling([rows[picture.key].sample_id for picture, _ in batch], attempt)
            captions = self._batches.caption([image for _, image in batch], prompts, sampling=sampling)
            for (picture, _), prompt, caption in zip(batch, prompts, captions, strict=True):
                row = self._row(rows[picture.key], prompt, caption)
                rows[picture.key] = replace(_better(rows[picture.key], row), retries=attempt)
                if row.flags and caption.finish_reason != "refused":
                    again.append(picture)
        return again

    def _readable(self, pictures: Iterable[Picture], rows: Rows) -> Iterator[tuple[Picture, Image.Image]]:
        # While one batch is with the model, the next one gets ready.
        for picture, image in decoded(pictures, threads=self.decode_threads, distance=self.batch_size):
            if image is None:
                rows[picture.key] = self._flagged(picture.key, rows[picture.key].sample_id, Reason.UNDECODABLE)
                continue
            yield picture, image

    def _prompt(self, row: CaptionRow, picture: Picture) -> str:
        return prompt_for(row.sample_id, self.prompt, picture.alt_text, without_alt_text=self.prompt_without_alt_text)

    def _sampling(self, sample_ids: list[str], attempt: int) -> Sampling | None:
        if not attempt:
            return None
        seeds = tuple(seed(f"caption {sample_id} {attempt}") for sample_id in sample_ids)
        return Sampling(seeds=seeds, temperature=self.temperature, top_p=self.top_p)

    def _row(self, row: CaptionRow, prompt: str, caption: Caption) -> CaptionRow:
        cleaned = self.cleaning.clean(caption.text, caption.finish_reason)
        return CaptionRow(
            key=row.key,
            sample_id=row.sample_id,
            caption=cleaned.text,
            raw_caption=caption.text,
            finish_reason=caption.finish_reason,
            tokens=caption.tokens,
            flags=cleaned.faults,
            rules=cleaned.rules,
            prompt=prompt,
            prompt_hash=caption.prompt_hash,
            model=caption.model,
            revision=caption.revision,
        )

    def _flagged(self, key: str, sample_id: str, reason: Reason) -> CaptionRow:
        return CaptionRow(key=key, sample_id=sample_id, flags=(reason,), model=self.captioner.model)


def _better(old: CaptionRow, new: CaptionRow) -> CaptionRow:
    """The later of two rows, unless only the earlier has a caption."""
    return old if old.caption is not None and new.caption is None else new


def _batched(images: Iterator[tuple[Picture, Image.Image]], size: int) -> Iterator[list[tuple[Picture, Image.Image]]]:
    while batch := list(islice(images, size)):
        yield batch
