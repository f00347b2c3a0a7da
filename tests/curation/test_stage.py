from dataclasses import dataclass, fields

import pytest

from curation.dataset import Dataset, Shard
from curation.stage import Resources, ShardResult, ShardStage, execution


def test_a_result_accounts_for_every_row() -> None:
    assert ShardResult(rows=3, kept=1, rejects={"dns": 2}).kept == 1
    with pytest.raises(ValueError, match="3 rows came in, 1 were kept and 1 rejected: 1 unaccounted"):
        ShardResult(rows=3, kept=1, rejects={"dns": 1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cpus": -1}, "cpus=-1"),
        ({"min_workers": 0}, "min_workers=0"),
        ({"min_workers": 3, "max_workers": 2}, "1 <= min_workers <= max_workers"),
    ],
)
def test_resources_that_cannot_be_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Resources(**wrong)


def test_an_execution_field_has_its_default_and_says_what_it_is() -> None:
    @dataclass(kw_only=True)
    class Settings:
        threads: int = execution(4)
        devices: list[str] = execution(["cpu"])

    one, other = Settings(), Settings()
    one.devices.append("cuda")
    assert (one.threads, other.devices) == (4, ["cpu"])
    assert all(field.metadata["execution"] for field in fields(Settings))


def test_a_stage_must_say_what_it_writes() -> None:
    with pytest.raises(TypeError, match="abstract"):
        ShardStage()  # type: ignore[abstract]


def test_most_stages_wait_for_nothing_and_load_nothing() -> None:
    class Plain(ShardStage):
        folder = "plain"

        def output(self, dataset: Dataset, shard: Shard) -> str:
            return f"{dataset.root}/{shard.name}"

        def process(self, dataset: Dataset, shard: Shard) -> ShardResult:
            return ShardResult(rows=0, kept=0)

    assert Plain().gathering() is None
    assert tuple(Plain().loads()) == ()
