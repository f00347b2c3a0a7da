"""What one selection keeps that another drops: the cost of each threshold, counted on images that both judged."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow.compute as pc
from rich.table import Table

from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from curation.reasons import sentence_of
from pipelines.status import READERS, find

_COLUMNS = ["sample_id", "kept", "reason"]


@dataclass(kw_only=True)
class Comparison:
    """Two selections of one dataset, over the shards that both have.

    Args:
        branch: the dataset's name.
        shards: that both have.
        rows: images judged by both.
        both: kept by both.
        neither: kept by neither.
        only_first: kept by the first alone, by the reason that the second gives.
        only_second: kept by the second alone, by the reason that the first gives.
    """

    branch: str
    shards: int = 0
    rows: int = 0
    both: int = 0
    neither: int = 0
    only_first: Counter[str] = field(default_factory=Counter)
    only_second: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Comparison") -> None:
        """Count the images of another comparison as well."""
        self.shards += other.shards
        self.rows += other.rows
        self.both += other.both
        self.neither += other.neither
        self.only_first.update(other.only_first)
        self.only_second.update(other.only_second)


def compare(folder: str, first: str, second: str) -> list[Comparison]:
    """Compare two selections in every branch below `folder` that has both.

    Args:
        folder: of a run, or a dataset.
        first: name of a selection; `selection` is the one that captions follow.
        second: name of another.

    Raises:
        ValueError: no branch has both; says which selections there are.
    """
    datasets, _ = find(folder)
    compared = [_compare(name, dataset, first, second) for name, dataset in datasets.items()]
    if not any(one.shards for one in compared):
        there = ", ".join(sorted({name for dataset in datasets.values() for name in selections(dataset)}))
        raise ValueError(f"{folder}: no shard has both selections {first} and {second}; there are: {there or 'none'}")
    return [one for one in compared if one.shards]


def selections(dataset: Dataset) -> list[str]:
    """The names of the dataset's selections that have a finished shard."""
    below = storage.names(storage.join(dataset.root, "selection"))
    main = ["selection"] if any(name.endswith(".parquet") for name in below) else []
    return main + [name for name in below if not name.endswith(".parquet")]


def _compare(branch: str, dataset: Dataset, first: str, second: str) -> Comparison:
    def of_shard(shard: Shard) -> Comparison:
        paths = dataset.selection(shard, first), dataset.selection(shard, second)
        if not all(map(storage.exists, paths)):
            return Comparison(branch=branch)
        return _compare_tables(branch, *paths)

    total = Comparison(branch=branch)
    for one in ahead(of_shard, dataset.shards(), threads=READERS, distance=2 * READERS):
        total.add(one)
    return total


def _compare_tables(branch: str, first: str, second: str) -> Comparison:
    ours, theirs = storage.read_table(first, _COLUMNS), storage.read_table(second, _COLUMNS)
    both = ours.join(theirs, "sample_id", right_suffix=" too", join_type="inner")
    kept, kept_too = both["kept"], both["kept too"]
    return Comparison(
        branch=branch,
        shards=1,
        rows=both.num_rows,
        both=pc.sum(pc.and_(kept, kept_too)).as_py() or 0,
        neither=pc.sum(pc.invert(pc.or_(kept, kept_too))).as_py() or 0,
        only_first=Counter(both.filter(pc.and_not(kept, kept_too))["reason too"].to_pylist()),
        only_second=Counter(both.filter(pc.and_not(kept_too, kept))["reason"].to_pylist()),
    )


def comparison_table(comparisons: list[Comparison], first: str, second: str) -> Table:
    """A column a branch, and a row for each way in which two selections agree or differ."""
    table = Table(title=f"images judged by both {first} and {second}", title_justify="left")
    table.add_column("")
    for one in comparisons:
        table.add_column(one.branch, justify="right")
    table.add_column("")
    table.add_row("judged", *(f"{one.rows:,}" for one in comparisons), "")
    table.add_row("kept by both", *(f"{one.both:,}" for one in comparisons), "")
    table.add_row("kept by neither", *(f"{one.neither:,}" for one in comparisons), "")
    for keeper, dropper, side in ((first, second, "only_first"), (second, first, "only_second")):
        counts: list[Counter[str]] = [getattr(one, side) for one in comparisons]
        table.add_row(f"kept by {keeper} alone", *(f"{count.total():,}" for count in counts), "")
        for reason in sorted(set().union(*counts)):
            cells = (f"{count[reason]:,}" for count in counts)
            table.add_row(f"  {dropper} says {reason}", *cells, sentence_of(reason))
    return table
