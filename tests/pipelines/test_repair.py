"""Repair, over image tables in which links fail as on the web."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from curation import storage
from curation.dataset import Dataset, Shard, TrainingSet, sample_id
from curation.download import Download
from curation.download.image_settings import ImageSettings
from curation.duplicates import Duplicates
from curation.schemas import FAILED_TO_DOWNLOAD, IMAGES, SUCCESS, URLS
from curation.selection import Select
from pipelines.errors import UsageError
from pipelines.merge import Merge, summary_path
from pipelines.pipeline import Branch, Pipeline
from pipelines.repair import repair_shards, transient_rows, write_repair
from pipelines.run import Run
from pipelines.status import funnels
from tests.pipelines.shards import SMALL, Append, Numbers, jpeg, write_branch
from tests.pipelines.small_run import Brightness

FAILURES = {
    1: ("timeout", "no whole answer in time"),
    2: ("http_4xx", "HTTP Error 429: Too Many Requests"),
    3: ("http_4xx", "HTTP Error 403: Forbidden"),
    4: ("opted_out", "noai"),
    5: ("connection", "Connection refused"),
    6: ("dns", "Name or service not known"),
    7: ("http_5xx", "HTTP Error 502: Bad Gateway"),
}
TRANSIENT = [1, 2, 5, 7]


def _try(dataset: Dataset, shard: Shard, failures: dict[int, tuple[str, str]]) -> None:
    """Write the table of a download in which rows, by the number at the end of their URL, fail."""
    rows = []
    for row in storage.read_table(dataset.urls(shard)).to_pylist():
        reason, detail = failures.get(int(row["url"][-5]), (None, None))
        status = FAILED_TO_DOWNLOAD if reason else SUCCESS
        rows.append({**row, "status": status, "reason": reason, "error_message": detail})
    storage.write_table(dataset.image_table(shard), pa.Table.from_pylist(rows, IMAGES))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two shards of 10 URLs that end in 0 to 9; seven of each fail."""
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=2, rows=10, captions="new")
    for shard in dataset.shards():
        _try(dataset, shard, FAILURES)
    return dataset


def _numbers(dataset: Dataset, shard: Shard) -> list[int]:
    return [int(row["url"][12:-4]) for row in storage.read_table(dataset.urls(shard)).to_pylist()]


def test_what_may_pass_goes_into_further_shards_with_all_its_columns(dataset: Dataset) -> None:
    before = storage.read_table(dataset.urls(Shard(index=0)))
    repair = write_repair(dataset)
    assert (repair.rows, repair.shards) == (8, [Shard(index=2)])
    assert repair_shards(dataset) == repair.shards
    assert _numbers(dataset, Shard(index=2)) == [*TRANSIENT, *(10 + n for n in TRANSIENT)]
    written = storage.read_table(dataset.urls(Shard(index=2)))
    assert written.schema.equals(before.schema)
    assert written.slice(0, 1).to_pylist() == before.slice(1, 1).to_pylist()


def test_a_repair_that_was_not_downloaded_yet_is_not_repeated(dataset: Dataset) -> None:
    write_repair(dataset)
    assert list(transient_rows(dataset)) == []
    assert write_repair(dataset).shards == []
    assert len(dataset.shards()) == 3


def test_each_call_is_one_more_try_until_nothing_is_left(dataset: Dataset) -> None:
    write_repair(dataset)
    _try(dataset, Shard(index=2), {1: FAILURES[1], 5: ("not_found", "HTTP Error 404: Not Found")})
    assert write_repair(dataset).rows == 2
    assert _numbers(dataset, Shard(index=3)) == [1, 11]
    _try(dataset, Shard(index=3), {})
    assert write_repair(dataset).rows == 0
    assert len(dataset.shards()) == 4


def test_shards_are_as_long_as_the_first(tmp_path: Path) -> None:
    dataset = write_branch(str(tmp_path / "laion"), source="laion", shards=5, rows=9, captions="new")
    for shard in dataset.shards():
        _try(dataset, shard, dict.fromkeys(range(10), FAILURES[1]))
    repair = write_repair(dataset)
    assert [len(_numbers(dataset, shard)) for shard in repair.shards] == [9, 9, 9, 9, 9]
    assert sorted(n for shard in repair.shards for n in _numbers(dataset, shard)) == list(range(45))


def test_a_killed_repair_goes_on_after_the_shards_it_wrote(dataset: Dataset, tmp_path: Path) -> None:
    few = Dataset(str(tmp_path / "few"))
    for shard in dataset.shards():  # four rows to try again of each shard of five: two shards of repairs
        urls = storage.read_table(dataset.urls(shard)).filter(pa.array([n in (0, *TRANSIENT) for n in range(10)]))
        storage.write_table(few.urls(shard), urls)
        _try(few, shard, FAILURES)
    storage.write_json(f"{few.root}/urls/plan.json", {"rows": 10, "kept": 10, "rejects": {}, "shards": 2})
    assert len(write_repair(few).shards) == 2
    whole = [Path(few.urls(Shard(index=index))).read_bytes() for index in (2, 3)]
    Path(few.urls(Shard(index=3))).unlink()
    assert write_repair(few).shards == [Shard(index=3)]
    assert [Path(few.urls(Shard(index=index))).read_bytes() for index in (2, 3)] == whole


def test_a_branch_that_has_not_been_planned_has_nothing_to_repair(tmp_path: Path) -> None:
    assert write_repair(Dataset(str(tmp_path))).rows == 0


def test_the_funnel_stays_whole(dataset: Dataset, tmp_path: Path) -> None:
    write_repair(dataset)
    _try(dataset, Shard(index=2), {1: FAILURES[1]})
    [funnel] = funnels(str(tmp_path))
    levels = {level.name: level for level in funnel.levels}
    assert (levels["planned"].kept, levels["tried"].kept, levels["downloaded"].kept) == (28, 28, 12)
    assert levels["downloaded"].rejects["timeout"] == 4


class _Moody(BaseHTTPRequestHandler):
    """Fails each path once: 503 at first and the image then; /gone is 404 for ever. Every request is counted."""

    requests: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.requests[self.path] += 1
        gone, moody = self.path.startswith("/gone"), self.path.startswith("/moody") and self.requests[self.path] == 1
        body = b"" if gone or moody else jpeg(len(self.path))
        self.send_response(404 if gone else 503 if moody else 200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_run_with_repair_asks_once_more_for_what_may_pass_and_for_nothing_else(
    base: str, tmp_path: Path, ray_cluster: str
) -> None:
    urls = [f"{base}/{name}{number}.jpg" for name in ("moody", "gone", "fine") for number in range(3)]
    dataset = Dataset(str(tmp_path / "run" / "laion"))
    rows = {"sample_id": [sample_id(url) for url in urls], "url": urls, "alt_text": urls, "source": ["laion"] * 9}
    storage.write_table(dataset.urls(Shard(index=0)), pa.table(rows, URLS))
    storage.write_json(f"{dataset.root}/urls/plan.json", {"rows": 9, "kept": 9, "rejects": {}, "shards": 1})
    image = ImageSettings(min_size=1)
    download = Download(image=image, retries=0, allow_hosts=["127.0.0.1"], threads=2, resources=SMALL)
    select = Select(min_aesthetic=-1, min_short_edge=1, duplicates=Duplicates(), resources=SMALL)
    branch = Branch(source=Numbers(shards=1), stages=[download, Brightness(resources=SMALL), select])
    pipeline = Pipeline(dir=str(tmp_path / "run"), branches={"laion": branch})

    Run(pipeline, address=ray_cluster, repair=True)()  # nothing has been tried yet: no shard for it
    assert storage.read_table(dataset.image_table(Shard(index=0)))["reason"].null_count == 3
    before = Path(dataset.selection(Shard(index=0))).read_bytes()
    assert _reasons(dataset, 0) == [None, "duplicate_image", "duplicate_image"]
    assert Run(pipeline, address="nobody:1")().idle, "without the option nothing is tried again"
    assert Run(pipeline, address=ray_cluster, repair=True)().shards == 1
    again = storage.read_table(dataset.image_table(Shard(index=1)))
    assert again["status"].to_pylist() == [SUCCESS] * 3
    assert {path: count for path, count in _Moody.requests.items() if count != 1} == {
        f"/moody{number}.jpg": 2 for number in range(3)
    }
    assert Run(pipeline, address="nobody:1", repair=True)().idle
    assert len(dataset.shards()) == 2
    assert Path(dataset.selection(Shard(index=0))).read_bytes() == before
    # One colour looks like another, and the same file is the same: what was kept before is not taken back.
    assert _reasons(dataset, 1) == ["duplicate_image", "duplicate_image", "near_duplicate"]


def _reasons(dataset: Dataset, shard: int) -> list[str | None]:
    reasons = storage.read_table(dataset.selection(Shard(index=shard)))["reason"].to_pylist()
    return sorted(reasons, key=lambda reason: reason or "")


def test_a_set_that_was_merged_without_them_stands_in_the_way(dataset: Dataset, tmp_path: Path) -> None:
    merge = Merge(output=str(tmp_path / "training"))
    branch = Branch(source=Numbers(shards=2), stages=[Append(name="captions/new")])
    pipeline = Pipeline(dir=str(tmp_path), branches={"laion": branch}, merge=merge)
    storage.write_json(summary_path(TrainingSet(merge.output)), {})
    with pytest.raises(UsageError, match=r"laion has links to try again.*delete .*training to repair"):
        Run(pipeline, address="nobody:1", repair=True)()
    assert len(dataset.shards()) == 2
