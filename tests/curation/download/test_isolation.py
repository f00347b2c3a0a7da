"""An image that kills processes: it is found out, quarantined, and costs the others of its shard nothing."""

import hashlib
import io
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image

from curation import storage
from curation.dataset import Dataset, Shard
from curation.download import isolation
from curation.download.decoding import ImageLimits
from curation.download.image_settings import ImageSettings
from curation.download.isolation import IsolatedResizer, resizing
from curation.download.resizer import Resizer
from curation.tar import read_tar
from tests.curation.download.poison import DEADLY, deadly_environment, poison
from tests.curation.download.server import Server, png
from tests.curation.download.test_stage import run, stage, write_urls

SHARD = Shard(index=7)
RESIZER = Resizer(image_size=32, quality=90, limits=ImageLimits(min_size=16, max_area=100_000, animated="reject"))
KEEPING = replace(RESIZER, image_size=64)
"""Shrinks none of the images here, and so needs no torch, which takes seconds to load in each new process."""

ATTEMPT = """
import json, sys
from curation.dataset import Dataset, Shard
from curation.download import Download
from curation.download.image_settings import ImageSettings
settings = json.loads(sys.argv[2])
download = Download(**{**settings, "image": ImageSettings(**settings["image"])})
download.setup()
download.process(Dataset(sys.argv[1]), Shard(index=7))
"""


def animation() -> bytes:
    file = io.BytesIO()
    Image.new("L", (32, 32)).save(file, "GIF", save_all=True, append_images=[Image.new("L", (32, 32), 200)])
    return file.getvalue()


def test_apart_or_not_the_answers_are_the_same() -> None:
    contents = [png(), png(40, 50), png(20, 15), b"<html>", b"", png()[:200], poison(), animation()]
    with IsolatedResizer(RESIZER) as isolated:
        for content in contents:
            assert isolated(io.BytesIO(content)) == RESIZER(io.BytesIO(content))
    assert RESIZER(io.BytesIO(animation()))[-1] == "animated: a GIF of several frames"
    assert RESIZER(io.BytesIO(poison()))[-1] is None, "where no bug is, the poison is an image like others"


def test_one_that_kills_twice_is_quarantined_and_the_next_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DEADLY)
    with IsolatedResizer(KEEPING) as isolated:
        started = _counting_starts(isolated, monkeypatch)
        for content in (png(), png(seed=3)):
            *nothing, error = isolated(io.BytesIO(poison()))
            assert nothing == [None] * 5
            assert error == (
                "quarantined: it killed 2 processes in a row that tried to decode it; "
                f"its sha256 is {hashlib.sha256(poison()).hexdigest()}"
            )
            assert isolated(io.BytesIO(content)) == KEEPING(io.BytesIO(content))
    assert len(started) == 5
    assert all(process.poll() is not None for process in started), "a process outlived its use"


def test_a_decoder_that_never_ends_counts_as_one_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    with IsolatedResizer(KEEPING, seconds=0.5) as isolated:
        started = _counting_starts(isolated, monkeypatch)
        isolated(io.BytesIO(png()))
        started[0].send_signal(signal.SIGSTOP)
        assert isolated(io.BytesIO(png())) == KEEPING(io.BytesIO(png())), "the second try is a process that runs"
    assert [process.poll() for process in started] == [-signal.SIGKILL] * 2


def _counting_starts(isolated: IsolatedResizer, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    started, start = [], isolated._start

    def starting() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    monkeypatch.setattr(isolated, "_start", starting)
    return started


def test_threads_take_turns() -> None:
    contents = [png(seed=number) for number in range(12)]
    with IsolatedResizer(KEEPING) as isolated, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda content: isolated(io.BytesIO(content)), contents))
    assert answers == [KEEPING(io.BytesIO(content)) for content in contents]


def test_an_error_that_nobody_foresaw_counts_as_a_death() -> None:
    impossible = replace(KEEPING, quality="best")
    with pytest.raises(ValueError, match="Invalid quality setting"):
        impossible(io.BytesIO(png()))
    with IsolatedResizer(impossible) as isolated:
        error = isolated(io.BytesIO(png()))[-1]
    assert error is not None
    assert error.startswith("quarantined: ")


def test_a_process_that_does_not_start_is_no_images_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.sys, "executable", "/bin/false")
    with IsolatedResizer(KEEPING) as isolated, pytest.raises(RuntimeError, match=r"does not start \(exit code 1\)"):
        isolated(io.BytesIO(png()))


def test_its_process_ends_with_the_worker() -> None:
    program = (
        "import io, os, signal\n"
        "from curation.download.isolation import IsolatedResizer\n"
        "from curation.download.resizer import Resizer\n"
        "isolated = IsolatedResizer(Resizer())\n"
        "isolated(io.BytesIO(b''))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program]
    # The process has our pipe as its standard error, and this returns when nobody has it any more.
    killed = subprocess.run(command, env=deadly_environment(), stderr=subprocess.PIPE, timeout=60)
    assert killed.returncode == -signal.SIGKILL


def test_only_an_attempt_that_was_cut_off_is_followed_by_one_apart(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path))
    with resizing(RESIZER, dataset, SHARD) as resize:
        assert resize is RESIZER
        (begun,) = (tmp_path / "images").iterdir()
    assert not begun.exists()
    with pytest.raises(RecursionError), resizing(RESIZER, dataset, SHARD):
        raise RecursionError("a decoder gone wrong")
    assert begun.exists()
    with resizing(RESIZER, dataset, SHARD) as resize:
        assert isinstance(resize, IsolatedResizer)
        assert storage.names(str(tmp_path / "images")) == [], "a reader sees no sign of it"
    assert not begun.exists()


def test_a_shard_with_poison_in_it_is_done_at_the_second_attempt(server: Server, tmp_path: Path) -> None:
    """A worker in a real process dies of it; the next one finds who it was, and the rest is as if nothing had been."""
    urls = [server.url(path) for path in ("/image/?seed=1", "/poison/?seed=1", "/image/?seed=2", "/poison/?seed=2")]
    dataset = Dataset(str(tmp_path / "poisoned"))
    write_urls(dataset, urls)
    image = ImageSettings(size=64, min_size=16)
    settings = {name: value for name, value in asdict(stage(threads=1, image=image)).items() if name != "resources"}
    attempt = [sys.executable, "-W", "ignore", "-c", ATTEMPT, dataset.root, json.dumps(settings)]
    codes = [subprocess.run(attempt, env=deadly_environment(), timeout=60).returncode for _ in range(2)]
    assert codes == [-signal.SIGKILL, 0]

    rows = storage.read_table(dataset.image_table(SHARD)).to_pylist()
    assert [row["reason"] for row in rows] == [None, "quarantined", None, "quarantined"]
    assert len(list((tmp_path / "poisoned/images").iterdir())) == 2
    run(tmp_path / "sound", [urls[0], urls[2]], image=image)
    sound = dict(read_tar(Dataset(str(tmp_path / "sound")).image_tar(SHARD)))
    images = [parts["jpg"] for _, parts in read_tar(dataset.image_tar(SHARD))]
    assert images == [parts["jpg"] for parts in sound.values()]
