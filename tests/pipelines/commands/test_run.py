import subprocess
import sys
from pathlib import Path

import pytest

from curation import storage
from pipelines.cli import main

CONFIG = """
dir: {folder}
attempts: 1
branches:
  laion:
    source: {{class_path: tests.pipelines.shards.Numbers, init_args: {{shards: 3}}}}
    stages:
      - class_path: tests.pipelines.shards.Append
        init_args: {{name: a, log: {folder}/log, failing: {{{failing}}}, resources: {{cpus: 0.1}}}}
"""


def configure(folder: Path, failing: str = "") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(folder=folder, failing=failing))
    return str(path)


def test_a_run_on_a_cluster_ends_with_the_funnel_and_exit_code_0(tmp_path: Path, ray_cluster: str) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "run", configure(tmp_path / "run"), "--address", ray_cluster]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"connecting to Ray at {ray_cluster}" in done.stdout
    assert "rows that got through" in done.stdout
    assert done.stdout.rstrip().endswith("Done.")
    assert storage.names(str(tmp_path / "run" / "laion" / "a")) == ["00000.txt", "00001.txt", "00002.txt"]


def test_what_is_missing_is_listed_with_its_reason_and_exit_code_1(
    tmp_path: Path, ray_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path / "run", failing='"1": 1')
    assert main(["run", config, "--address", ray_cluster]) == 1
    shown = capsys.readouterr().out
    assert "laion shard 00001: a: RuntimeError: shard 1 does not like call 1" in shown
    assert "the same command tries it again" in shown

    assert main(["run", config, "--address", ray_cluster]) == 0
    assert main(["run", config, "--address", ray_cluster]) == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_a_changed_setting_is_one_line_and_exit_code_2(
    tmp_path: Path, ray_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path / "run")
    main(["run", config, "--address", ray_cluster])
    capsys.readouterr()
    Path(config).write_text(Path(config).read_text().replace("name: a,", "name: a, text: other,"))
    assert main(["run", config, "--address", ray_cluster]) == 2
    error = capsys.readouterr().err
    assert 'text: "line" -> "other"' in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_said_at_once(tmp_path: Path, address: str) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "run", configure(tmp_path / "run"), "--address", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"no Ray answers at {address}" in done.stderr
    assert "Traceback" not in done.stderr
