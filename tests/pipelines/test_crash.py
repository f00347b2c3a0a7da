import random
import signal
import subprocess
import time
from pathlib import Path

from pipelines.miniature import Miniature
from tests.pipelines.whole_run import WholeRun

KILLS = 5


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


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(
    whole_run: WholeRun, miniature: Miniature, tmp_path: Path
) -> None:
    disturbed = WholeRun.configure(miniature, tmp_path / "run", train=False)
    chance = random.Random(7)
    start, end = finished_files(disturbed), len(whole_run.files())
    moments = sorted(chance.sample(range(start + 1, end), KILLS))
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
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _mentioning(run.folder):
        time.sleep(0.5)
    assert _mentioning(run.folder) == []


def _mentioning(folder: Path) -> list[str]:
    """The processes whose command line names `folder`."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if str(folder) in line]
