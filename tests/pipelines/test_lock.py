import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.lock import exclusive

HOLD = (
    "import sys, time; from pipelines.lock import exclusive\n"
    "with exclusive(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
)


def test_a_second_run_is_refused_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match="another run is working here"), exclusive(folder):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with exclusive(f"file://{folder}"):
        assert (Path(folder) / ".lock").is_file()


def test_a_folder_on_an_object_store_is_not_held(tmp_path: Path) -> None:
    with exclusive("memory://run"), exclusive("memory://run"):
        assert not list(tmp_path.iterdir())
