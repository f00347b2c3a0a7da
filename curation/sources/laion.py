"""LAION: LAION-2B-en and its joined and aesthetic subsets, and Re-LAION, the release to use today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from curation.sources.url_tables import UrlTables


@dataclass(kw_only=True)
class Laion(UrlTables):
    """URLs of LAION's Parquet metadata, any release, several at once.

    `aesthetic_score` is the source's own score in the aesthetic v2 subsets. The v1 subsets' `aesthetic`, from another
    predictor on another scale, becomes `aesthetic_v1`.

    Args:
        metadata: a .parquet file, a folder of them, or a glob; local or any fsspec URL.
        rows_per_shard: URLs in a shard.
        scratch: local folder for the temporary files of planning, about the size of the metadata; default: the
            system's.
    """

    name: ClassVar[str] = "laion"
    text_columns: ClassVar[Sequence[str]] = ("text", "caption")
    renamed: ClassVar[Mapping[str, str]] = {"aesthetic": "aesthetic_v1"}
