"""Where caches stand."""

from pathlib import Path

import pytest

from curation.dataset import Shard, TrainingSet
from training.cache.paths import cache_path, cached_shards, check_name


def test_a_cache_has_a_file_a_shard(tmp_path: Path) -> None:
    training_set = TrainingSet(str(tmp_path))
    assert cached_shards(training_set, "text/t5") == set()
    path = Path(cache_path(training_set, "text/t5", Shard(index=7)))
    assert path == tmp_path / "text" / "t5" / "00007.safetensors"
    path.parent.mkdir(parents=True)
    for name in ("00007.safetensors", "notes.safetensors", ".tmp-1", "00008.txt"):
        (path.parent / name).touch()
    assert cached_shards(training_set, "text/t5") == {Shard(index=7)}


@pytest.mark.parametrize("name", ["latents", "text/t5-xl"])
def test_a_folder_is_a_name(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "/", "a/", "./a", "a/../b", "plan/x", "shards"])
def test_what_is_no_folder_of_its_own_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="expected a folder"):
        check_name(name)
