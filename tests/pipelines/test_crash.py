"""Runs whose driver is killed, at moments chosen by chance: nothing is lost, nothing is done twice, no byte differs."""

import multiprocessing
import random
import signal
import subprocess
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from pipelines.miniature import Miniature
from tests.pipelines import small_run
from tests.pipelines.whole_run import WholeRun

KILLS = 20
WHOLE_RUN_KILLS = 2
STEP = 0.01
"""Seconds between two looks at what a run has finished."""

Moment = Callable[[], bool]
"""Whether it has come."""


@pytest.fixture(scope="module")
def drivers() -> multiprocessing.context.ForkServerContext:
    """Starts processes in which everything is imported already, so that a run can be started often."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ray.data", "tests.pipelines.small_run", "open_clip.tokenizer"])
    return context


def test_a_run_killed_at_twenty_random_moments_ends_with_the_same_bytes(
    drivers: multiprocessing.context.ForkServerContext, ray_cluster: str, tmp_path: Path
) -> None:
    """The driver alone dies; what it had started on Ray finds out in its own time, as on a cluster."""
    small_run.write_journeydb(tmp_path / "world", archives=6, images=6)

    def start(folder: Path) -> ForkServerProcess:
        process = drivers.Process(target=small_run.run, args=(tmp_path / "world", folder, ray_cluster))
        process.start()
        return process

    undisturbed, started = start(tmp_path / "undisturbed"), time.monotonic()
    undisturbed.join()
    assert undisturbed.exitcode == 0
    expected, seconds = _contents(tmp_path / "undisturbed"), time.monotonic() - started

    chance, kills, runs = random.Random(20), 0, 0
    while kills < KILLS:
        runs += 1
        folder = tmp_path / f"disturbed {runs}"
        folder.mkdir()
        while _killed(start(folder), _moment(folder, chance, seconds) if kills < KILLS else _never):
            kills += 1
        got = _contents(folder)
        assert got.keys() == expected.keys()
        assert [name for name in expected if got[name] != expected[name]] == []


def _moment(folder: Path, chance: random.Random, seconds: float) -> Moment:
    """As many more files or as many seconds as chance says; a run lasts for `seconds`."""
    if chance.random() < 0.5:
        files = len(small_run.finished_files(folder)) + chance.randint(1, 8)
        return lambda: len(small_run.finished_files(folder)) >= files
    then = time.monotonic() + chance.uniform(0, seconds / 2)
    return lambda: time.monotonic() >= then


def _never() -> bool:
    return False


def _killed(process: ForkServerProcess, moment: Moment) -> bool:
    """Send the driver SIGKILL when its moment comes; whether that was before its end."""
    while process.is_alive() and not moment():
        time.sleep(STEP)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in small_run.finished_files(folder).items()}


def finished_files(run: WholeRun) -> int:
    """How many files the run has finished so far."""
    return sum(1 for path in run.folder.rglob("*.*") if path.is_file() and not path.name.startswith("."))


def stop_after(run: WholeRun, files: int, how: signal.Signals) -> tuple[int, str]:
    """Start the run, and send its driver a signal once it has `files` files; exit code and what it printed."""
    process = run.start()
    while finished_files(run) < files and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(how)
    printed, _ = process.communicate(timeout=120)
    return process.returncode, printed


def test_a_whole_run_killed_with_its_ray_ends_with_the_same_bytes(
    whole_run: WholeRun, miniature: Miniature, tmp_path: Path
) -> None:
    """Downloads and models among the stages, and a Ray that dies with the driver that started it.

    The web outlives the driver, as it does elsewhere: a worker that lives a moment longer would otherwise write down
    how a server died.
    """
    disturbed = WholeRun.configure(miniature, tmp_path / "run", train=False, serve=False)
    chance = random.Random(7)
    start, end = finished_files(disturbed), len(whole_run.files())
    moments = sorted(chance.sample(range(start + 1, end), WHOLE_RUN_KILLS))
    with miniature.serve():
        for files in moments:
            code, printed = stop_after(disturbed, files, signal.SIGKILL)
            assert code == -signal.SIGKILL, printed
        disturbed.finish()
    expected, got = whole_run.files(), disturbed.files()
    assert got.keys() == expected.keys()
    differing = [name for name in expected if got[name] != expected[name]]
    assert differing == []


def test_an_interrupted_run_says_how_to_go_on_and_leaves_no_process(miniature: Miniature, tmp_path: Path) -> None:
    run = WholeRun.configure(miniature, tmp_path / "run", train=False)
    code, printed = stop_after(run, finished_files(run) + 12, signal.SIGINT)
    assert code == 130, printed
    assert "the same command does the rest" in printed
    assert "Traceback" not in printed
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _mentioning(run.folder):
        time.sleep(0.5)
    assert _mentioning(run.folder) == []


def _mentioning(folder: Path) -> list[str]:
    """The processes whose command line names `folder`."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if str(folder) in line]
