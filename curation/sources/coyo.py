"""COYO-700M: URLs with alt-texts and many measures of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from curation.sources.url_tables import UrlTables


@dataclass(kw_only=True)
class Coyo(UrlTables):
    """URLs of COYO's Parquet metadata.

    Args:
        metadata: a .parquet file, a folder of them, or a glob; local or any fsspec URL.
        rows_per_shard: URLs in a shard.
        scratch: local folder for the temporary files of planning, about the size of the metadata; default: the
            system's.
    """

    name: ClassVar[str] = "coyo"
    text_columns: ClassVar[Sequence[str]] = ("text",)
