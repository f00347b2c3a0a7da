"""`ella train cache`: the caches that a training's configuration names, so that `fit` can read them."""

import csv
from pathlib import Path

import pytest

from curation.dataset import TrainingSet
from tests.training import tiny
from training.cache.paths import cached_shards
from training.cli import main

QUICKSTART = "training/configs/quickstart.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.save_world(tmp_path_factory.mktemp("run"), shards=3)


def cached(folder: str, name: str) -> list[int]:
    return sorted(shard.index for shard in cached_shards(TrainingSet(f"{folder}/training"), name))


def fitted(folder: str, name: str, options: list[str]) -> list[float]:
    """The losses of a training of three steps."""
    logs = ["--trainer.logger.name", name, "--output.folder", f"{folder}/{name}"]
    main(["fit", *options, *logs, "--trainer.max_steps", "3"])
    with next(Path(folder, "connector", name).rglob("metrics.csv")).open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["cache", *args])
    assert exit_.value.code == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_plan_says_what_caches_take_and_makes_nothing(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--data.latents", "latents", "--data.text", "text", "--plan", "true"]
    main(["cache", "--config", QUICKSTART, "--dir", folder, *both])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("latents: at most 12.3 kB for 12 pairs (1.0 KiB a pair)")
    assert shown[1].startswith("text: at most 0.4 MB for 12 pairs (32.0 KiB a pair)")
    assert all(line.endswith("; 3 of 3 shards to do") for line in shown)
    assert cached(folder, "latents") == cached(folder, "text") == []


def test_a_training_reads_what_was_made_for_it(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    caches = ["--config", QUICKSTART, "--dir", folder, "--data.latents", "latents", "--data.text", "text"]
    main(["cache", *caches, "--part", "2/2"])
    assert cached(folder, "latents") == cached(folder, "text") == [1]
    before = Path(folder, "training", "latents", "00001.safetensors").stat().st_mtime_ns
    main(["cache", *caches])
    assert cached(folder, "latents") == cached(folder, "text") == [0, 1, 2]
    assert Path(folder, "training", "latents", "00001.safetensors").stat().st_mtime_ns == before
    capsys.readouterr()
    main(["cache", *caches])
    assert capsys.readouterr().out.count("0 of 3 shards to do") == 2
    losses = fitted(folder, "cached", caches)
    assert losses == pytest.approx(fitted(folder, "online", caches[:4]), rel=0.01)  # latents have 16 bits
    assert len(set(losses)) == 3


def test_a_cache_for_another_training_is_refused(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    start = ["--config", QUICKSTART, "--dir", folder]
    main(["cache", *start, "--data.latents", "other"])
    other = refused(capsys, *start, "--data.latents", "other", "--data.resolution", "32")
    assert "resolution is 64 there and 32 here" in other
    with pytest.raises(SystemExit):
        main(["fit", *start, "--data.latents", "other", "--data.resolution", "32"])
    assert "resolution is 64 there and 32 here" in capsys.readouterr().err


def test_what_cannot_be_made_is_refused_in_a_line(
    folder: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    start = ["--config", QUICKSTART, "--dir", folder]
    assert "neither data.latents nor data.text names a cache" in refused(capsys, *start)
    for part in ("0/2", "3/2", "x", "1/", "1"):
        assert f"--part {part}: expected K/N" in refused(capsys, *start, "--data.text", "text", "--part", part)
    assert "no training shard there" in refused(capsys, *start, "--data.folder", str(tmp_path), "--data.text", "text")
    assert "did you mean 'latents'?" in refused(capsys, *start, "--data.latnets", "x")
