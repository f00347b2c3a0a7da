from pathlib import Path

import pyarrow as pa

from curation import storage
from curation.dataset import Dataset, Shard
from curation.schemas import CAPTIONS, URLS
from pipelines.report.outcomes import outcomes


def dataset(folder: Path, rows: list[list[dict[str, object]]]) -> Dataset:
    """A shard of captions for each list of rows, and one more that has none yet."""
    made = Dataset(str(folder))
    for index in range(len(rows) + 1):
        storage.write_table(made.urls(Shard(index=index)), URLS.empty_table())
    for index, of_shard in enumerate(rows):
        storage.write_table(made.captions("new", Shard(index=index)), pa.Table.from_pylist(of_shard, CAPTIONS))
    return made


def test_captions_are_counted_by_finish_reason_flag_and_rule_over_all_shards(tmp_path: Path) -> None:
    first: list[dict[str, object]] = [
        {"finish_reason": "stop", "flags": [], "rules": ["opening", "markdown"]},
        {"finish_reason": "length", "flags": ["repetition", "too_long"], "rules": ["opening"]},
        {"finish_reason": None, "flags": ["no_caption"], "rules": None},
    ]
    second: list[dict[str, object]] = [{"finish_reason": "stop", "flags": ["repetition"], "rules": []}]
    found = outcomes("laion", dataset(tmp_path, [first, second]), "new")
    assert found is not None
    assert (found.source, found.captions) == ("laion", 4)
    assert found.finish_reasons == {"length": 1, "stop": 2}
    assert found.flags == {"no_caption": 1, "repetition": 2, "too_long": 1}
    assert found.rules == {"markdown": 1, "opening": 2}


def test_where_there_are_no_captions_nothing_came_out(tmp_path: Path) -> None:
    assert outcomes("laion", dataset(tmp_path, []), "new") is None
    assert outcomes("laion", dataset(tmp_path, [[]]), "new") is None
