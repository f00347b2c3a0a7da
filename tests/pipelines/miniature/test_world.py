"""A world is made once, whole, and refuses to be taken for another."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipelines.miniature import Miniature, build
from pipelines.miniature.server import HOST


def _times(folder: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*")}


@pytest.fixture
def copy(miniature: Miniature, tmp_path: Path) -> Miniature:
    """A world to do things to."""
    shutil.copytree(miniature.dir, tmp_path / "copy")
    return Miniature(dir=str(tmp_path / "copy"), scenes=miniature.scenes, seed=miniature.seed)


def test_preparing_a_second_time_does_nothing(miniature: Miniature) -> None:
    before, said = _times(miniature.dir), list[str]()
    miniature.prepare(said.append)
    assert _times(miniature.dir) == before
    assert said == []
    assert sorted(path.name for path in Path(miniature.dir).iterdir()) == ["models", "world"]


@pytest.mark.parametrize(("field", "value", "made_with"), [("scenes", 50, 40), ("seed", 2, 1), ("port", 19_999, None)])
def test_a_changed_setting_is_named(miniature: Miniature, field: str, value: int, made_with: int | None) -> None:
    settings = {"dir": miniature.dir, "scenes": 40, "seed": 1, "port": None} | {field: value}
    changed = Miniature(**settings)
    with pytest.raises(
        ValueError, match=rf"made with {field}={made_with or ''}\d*, and {field} is {value} now: set it"
    ):
        changed.prepare()


@pytest.mark.parametrize(("field", "value"), [("scenes", 19), ("seed", -1)])
def test_a_setting_out_of_range_is_refused(tmp_path: Path, field: str, value: int) -> None:
    settings = {"dir": str(tmp_path / "world")} | {field: value}
    with pytest.raises(ValueError, match=f"{field} is {value}: expected"):
        Miniature(**settings).prepare()  # type: ignore[arg-type]
    assert not (tmp_path / "world").exists()


def test_the_port_it_was_made_with_may_be_named(miniature: Miniature) -> None:
    record = (miniature.world / "world.json").read_text()
    Miniature(dir=miniature.dir, scenes=40, seed=1, port=json.loads(record)["settings"]["port"]).prepare()
    assert (miniature.world / "world.json").read_text() == record


def test_a_failure_leaves_no_world_and_the_next_try_makes_one(copy: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(copy.world)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(build, "write_coyo", fail)
        with pytest.raises(OSError, match="no space"):
            copy.prepare()
    assert not copy.world.exists()
    said: list[str] = []
    copy.prepare(said.append)
    assert said == ["world: drawing 40 scenes"]
    assert sorted(path.name for path in Path(copy.dir).iterdir()) == ["models", "world"]


def test_it_serves_on_the_port_that_its_links_name(miniature: Miniature) -> None:
    name = next((miniature.world / "images").iterdir()).name
    with miniature.serve() as base:
        assert base == f"http://{HOST}:{json.loads((miniature.world / 'world.json').read_text())['settings']['port']}"
        with urlopen(f"{base}/images/{name}") as answer:
            assert answer.read() == (miniature.world / "images" / name).read_bytes()


def test_a_taken_port_says_what_to_do(miniature: Miniature) -> None:
    port = json.loads((miniature.world / "world.json").read_text())["settings"]["port"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, port))
        other.listen()
        message = re.escape(f"port {port} on {HOST}") + ".*is taken.*stop the program that has it, or delete"
        with pytest.raises(ValueError, match=message), miniature.serve():
            pass


def test_serving_comes_after_preparing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no world yet; call prepare\(\) first"), Miniature(dir=str(tmp_path)).serve():
        pass


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys, pipelines.miniature; print({'torch', 'transformers', 'diffusers', 'ray'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
