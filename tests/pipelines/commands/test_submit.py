import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation import storage
from pipelines.cli import main
from tests.pipelines.commands.test_run import configure

REPOSITORY = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
TOKEN = secrets.token_hex(32)
START_SECONDS = 120

# A cluster whose machines have the project, and ask for a token as one that others can reach should.
ENVIRONMENT = os.environ | {
    "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
    "PYTHONPATH": str(REPOSITORY),
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": TOKEN,
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def job_server() -> Iterator[str]:
    """The address of the job server of a cluster of its own."""
    dashboard = free_port()
    command = [str(PROGRAMS / "ray"), "start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats"]
    command += [f"--port={free_port()}", f"--dashboard-agent-listen-port={free_port()}"]
    command += ["--include-dashboard=true", f"--dashboard-port={dashboard}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=ENVIRONMENT, **quiet) as cluster:  # type: ignore[call-overload]
        try:
            _wait_for(dashboard, cluster)
            yield f"http://127.0.0.1:{dashboard}"
        finally:
            cluster.terminate()


def _wait_for(port: int, cluster: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert cluster.poll() is None, "the cluster did not start"
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no job server after {START_SECONDS} s")


def ella_submit(*args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipelines.cli", "submit", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT | variables)


def test_a_run_is_done_by_the_cluster_and_followed_to_its_end(tmp_path: Path, job_server: str) -> None:
    config, elsewhere = configure(tmp_path / "here"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = ella_submit(config, "--follow", f"--address={job_server}", "--dir", str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert f"runs in {elsewhere}" in done.stdout
    assert "Done." in done.stdout
    assert storage.names(str(elsewhere / "laion" / "a")) == ["00000.txt", "00001.txt", "00002.txt"]


def test_a_run_with_something_missing_is_exit_code_1(tmp_path: Path, job_server: str) -> None:
    config = configure(tmp_path / "run", failing='"1": 1')
    done = ella_submit(config, "--address", job_server, "--follow")
    assert done.returncode == 1, done.stderr
    assert "the same command tries it again" in done.stdout


def test_a_missing_token_is_one_line_and_exit_code_2(tmp_path: Path, job_server: str) -> None:
    done = ella_submit(configure(tmp_path / "run"), "--address", job_server, RAY_AUTH_MODE="disabled")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"ella: submit: the cluster at {job_server} asks for a token")
    assert TOKEN not in done.stdout + done.stderr


def test_a_job_server_that_is_not_there_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    assert main(["submit", configure(tmp_path / "run"), "--address", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ella: submit: no job server took the run at {address}")


def test_a_wrong_configuration_is_refused_before_anything_is_submitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", configure(tmp_path / "run"), "--atempts", "5"]) == 2
    assert "attempts" in capsys.readouterr().err


def test_the_configuration_comes_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["submit", "--config", configure(tmp_path / "run")]) == 2
    assert "expected the CONFIG file first" in capsys.readouterr().err
