"""Hands a run to a Ray cluster as a job, so that the machine it was started from may go away."""

import asyncio
import logging
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.pipeline import Pipeline

CONFIG = "run.yaml"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run on a cluster.

    Args:
        address: of the cluster's job server.
        name: what the cluster calls the job.
    """

    address: str
    name: str

    def follow(self) -> bool:
        """Print what the job prints until it has ended; says whether it succeeded.

        Raises:
            OSError: the job server cannot be reached any more; the job may go on.
        """
        from ray.job_submission import JobStatus, JobSubmissionClient

        client = JobSubmissionClient(self.address)

        async def show() -> None:
            async for lines in client.tail_job_logs(self.name):
                print(lines, end="", flush=True)

        try:
            asyncio.run(show())
            return bool(client.get_job_status(self.name) == JobStatus.SUCCEEDED)
        except RuntimeError as error:
            raise OSError(f"job {self.name}: lost sight of it ({error}); it may go on") from error


def submit(pipeline: Pipeline, config: Path, options: Sequence[str], *, address: str) -> Job:
    """Make a run a job of a cluster whose machines have the project installed.

    The configuration travels with the job (`files_to_send`).

    Args:
        pipeline: what `config` and `options` describe; its folder has to be one that all machines reach.
        config: the YAML file.
        options: of `ella run`, as on the command line.
        address: of the cluster's job server: `http://head:8265`.

    Raises:
        UsageError: no job server answers there, or it asks for a token.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk"):
        logging.getLogger(name).setLevel(logging.WARNING)  # of uploads and sockets nobody wants to read
    command = ["ella", "run", CONFIG, "--address", "auto", *options, "--dir", pipeline.dir]
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files_to_send(pipeline, config).items():
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        try:
            job = JobSubmissionClient(address).submit_job(
                entrypoint=shlex.join(command), runtime_env={"working_dir": folder}, metadata={"ella": pipeline.dir}
            )
        except AuthenticationError as error:
            raise UsageError(
                f"the cluster at {address} asks for a token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or "
                "RAY_AUTH_TOKEN_PATH to the cluster's own"
            ) from error
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"no job server took the run at {address} ({error}): expected the dashboard's address of a cluster "
                "that was started with `ray start --head`, such as http://head:8265"
            ) from error
    return Job(address=address, name=job)


def files_to_send(pipeline: Pipeline, config: Path) -> dict[str, Path]:
    """What travels with a job, by its path in the job's folder: the configuration, and a training's own one.

    A training configuration of the project is there already, and an absolute path means a file that is.
    """
    files = {CONFIG: config}
    if pipeline.train:
        own = Path(pipeline.train.config)
        if own.is_file() and not own.is_absolute() and ".." not in own.parts:
            files[str(own)] = own
    return files
