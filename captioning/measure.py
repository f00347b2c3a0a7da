"""The stage that counts the words of each shard's captions, and of the alt-texts they replace."""

import logging
import time
from dataclasses import dataclass, field
from functools import cache

import pyarrow as pa

from captioning.encoder_tokens import encoder_tokenizer
from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.statistics import AltTextOverlap, CaptionPartials
from curation import storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.stage import Resources, ShardResult, ShardStage

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class MeasureCaptions(ShardStage):
    """Writes `statistics/<captions>/`: counts over a shard's captions and over the same images' alt-texts.

    Args:
        captions: the folder under `captions/` to measure.
        text_encoder: folder or hub name of a text encoder whose tokens are counted too, `google/flan-t5-xl`; only its
            tokenizer is loaded.
        resources: what a worker takes.
    """

    captions: str
    text_encoder: str = ""
    resources: Resources = field(default_factory=Resources, metadata={"execution": True})

    @property
    def folder(self) -> str:
        """`statistics/<captions>`."""
        return f"statistics/{self.captions}"

    def output(self, dataset: Dataset, shard: Shard) -> str:
        """JSON: `caption` and `alt_text`, each a `CaptionPartials`, and their `overlap`, an `AltTextOverlap`."""
        return dataset.statistics(self.captions, shard)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the text encoder has no tokenizer; missing parts of speech are only warned of."""
        if self.text_encoder:
            encoder_tokenizer(self.text_encoder)
        if not has_nltk_data():
            _warn_once(nltk_data_advice())

    def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
        """Count both texts of every image that has a caption; images without alt-text count for the captions alone."""
        start = time.monotonic()
        captions = storage.read_table(dataset.captions(self.captions, shard), columns=["key", "caption"])
        captioned = captions.filter(captions["caption"].is_valid())
        texts: list[str] = captioned["caption"].to_pylist()
        alt_texts = self._alt_texts(dataset, shard, captioned)
        pairs = [(text, alt_text) for text, alt_text in zip(texts, alt_texts, strict=True) if alt_text]
        measured = {
            "caption": CaptionPartials.of(texts, self.text_encoder).to_json(),
            "alt_text": CaptionPartials.of((alt_text for _, alt_text in pairs), self.text_encoder).to_json(),
            "overlap": AltTextOverlap.of(pairs).to_json(),
        }
        storage.write_json(self.output(dataset, shard), measured)
        missing = captions.num_rows - captioned.num_rows
        return ShardResult(
            rows=captions.num_rows,
            kept=captioned.num_rows,
            rejects={Reason.NO_CAPTION.value: missing} if missing else {},
            seconds=time.monotonic() - start,
        )

    @staticmethod
    def _alt_texts(dataset: Dataset, shard: Shard, captioned: pa.Table) -> list[str | None]:
        images = storage.read_table(dataset.image_table(shard), columns=["key", "caption"])
        alt_texts = dict(zip(images["key"].to_pylist(), images["caption"].to_pylist(), strict=True))
        return [alt_texts[key] for key in captioned["key"].to_pylist()]


@cache
def _warn_once(message: str) -> None:
    """Every branch has a stage like this one, and they all lack the same data."""
    logger.warning(message)
