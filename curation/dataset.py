"""The folders that stages fill and trainers read: where each file of a shard stands.

A dataset holds one branch's shards from URL to caption; a training set holds the merged result. Both may be local
or any fsspec URL. Every path that is shared between two parts of the project is made here and nowhere else.
"""

import hashlib
from dataclasses import dataclass

from curation import storage

CONTRACT = 1
"""Version of the layout; a folder written under another one is refused."""

SELECTION = "selection"
"""The name, and the folder, of the selection that captions follow."""

_CANDIDATES = "candidates"


@dataclass(frozen=True, kw_only=True, order=True)
class Shard:
    """One row of a Ray job: a number that names the same slice of the data in every folder."""

    index: int

    @property
    def name(self) -> str:
        """The file stem: `00042`."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Dataset:
    """One branch's folder.

    Args:
        root: local folder or fsspec URL.
    """

    root: str

    def manifest(self) -> str:
        """What made the folder: contract version, source, settings of every stage."""
        return storage.join(self.root, "dataset.json")

    def urls(self, shard: Shard) -> str:
        """Parquet: sample_id, url, alt_text, source, and the source's own columns."""
        return storage.join(self.root, "urls", f"{shard.name}.parquet")

    def image_tar(self, shard: Shard) -> str:
        """WebDataset tar of the images that were fetched: `{key}.jpg`, `{key}.txt`, `{key}.json`."""
        return storage.join(self.root, "images", f"{shard.name}.tar")

    def image_table(self, shard: Shard) -> str:
        """Parquet with a row for every URL tried: key, sample_id, status, error_message, sizes, sha256, ..."""
        return storage.join(self.root, "images", f"{shard.name}.parquet")

    def scores(self, shard: Shard) -> str:
        """Parquet with a row for every image fetched: key, aesthetic, short_edge, ..."""
        return storage.join(self.root, "scores", f"{shard.name}.parquet")

    def selection(self, shard: Shard, name: str = SELECTION) -> str:
        """Parquet with a row for every image scored: key, kept, reason. Captions follow the one without a name."""
        return storage.join(self.root, selection_folder(name), f"{shard.name}.parquet")

    def candidates(self, shard: Shard, name: str = SELECTION) -> str:
        """Parquet with a row for every image that passes a selection's thresholds: key, and what tells duplicates."""
        return storage.join(self.root, candidate_folder(name), f"{shard.name}.parquet")

    def decisions(self, name: str = SELECTION) -> str:
        """The folder of what was decided over those candidates."""
        return storage.join(self.root, candidate_folder(name), "decisions")

    def captions(self, name: str, shard: Shard) -> str:
        """Parquet with a row for every image kept: key, caption, raw_caption, finish_reason, ..."""
        return storage.join(self.root, "captions", name, f"{shard.name}.parquet")

    def statistics(self, name: str, shard: Shard) -> str:
        """JSON: partial sums of caption statistics."""
        return storage.join(self.root, "statistics", name, f"{shard.name}.json")

    def shards(self) -> list[Shard]:
        """The shards that the source planned, in order."""
        return _shards(storage.join(self.root, "urls"), ".parquet")


@dataclass(frozen=True)
class TrainingSet:
    """The merged set that training reads.

    Args:
        root: local folder or fsspec URL.
    """

    root: str

    def manifest(self) -> str:
        """What made the set: contract version, the branches and settings behind it, counts."""
        return storage.join(self.root, "dataset.json")

    def card(self) -> str:
        """The dataset card."""
        return storage.join(self.root, "README.md")

    def report(self) -> str:
        """The page on the captions."""
        return storage.join(self.root, "report.html")

    def plan(self, shard: Shard) -> str:
        """Parquet: which sample of which branch and shard goes into this training shard."""
        return storage.join(self.root, "plan", f"{shard.name}.parquet")

    def tar(self, shard: Shard) -> str:
        """WebDataset tar: `{sample_id}.jpg`, `.txt` (the caption), `.json` (source, alt_text, scores, sizes)."""
        return storage.join(self.root, f"{shard.name}.tar")

    def table(self, shard: Shard) -> str:
        """Parquet with the same rows as the tar, without the images."""
        return storage.join(self.root, f"{shard.name}.parquet")

    def planned_shards(self) -> list[Shard]:
        """The shards that the plan asks for, in order."""
        return _shards(storage.join(self.root, "plan"), ".parquet")

    def shards(self) -> list[Shard]:
        """The shards that are finished, in order."""
        return _shards(self.root, ".parquet")


def selection_folder(name: str) -> str:
    """The folder of the selection called `name`: `selection`, and `selection/<name>` for those beside it."""
    return SELECTION if name == SELECTION else f"{SELECTION}/{name}"


def candidate_folder(name: str) -> str:
    """The folder of the candidates of the selection called `name`: `candidates`, and `candidates-<name>`."""
    return _CANDIDATES if name == SELECTION else f"{_CANDIDATES}-{name}"


def is_aside(folder: str) -> bool:
    """Whether a folder belongs to a selection beside the one that captions follow: nothing is made of it."""
    return folder.startswith((f"{SELECTION}/", f"{_CANDIDATES}-"))


def _shards(folder: str, suffix: str) -> list[Shard]:
    stems = (name.removesuffix(suffix) for name in storage.names(folder, suffix))
    return sorted(Shard(index=int(stem)) for stem in stems if stem.isdigit())


def sample_id(identity: str) -> str:
    """64 bits of a hash, as 16 hex digits, of what a sample is: its normalised URL, or its path in JourneyDB."""
    return hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()
