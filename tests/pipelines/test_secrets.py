"""Secrets seeded where a run meets them: afterwards none is in any file that was written, nor in what was said."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.captioning.engines import chat_server
from tests.curation.download import server as web

ENVIRONMENT = {
    "HF_TOKEN": "hf_fFvKQwXyZ0123",
    "AWS_SECRET_ACCESS_KEY": "aws/kKeEyY+4567",
    "OPENAI_API_KEY": "sk-oOaAiI-8901",
}
PASSWORD, SIGNATURE, TOKEN = "pPaAsSs-2345", "sSiIgGn-6789", "tToOkKe-0123"
SECRETS = [*ENVIRONMENT.values(), PASSWORD, SIGNATURE, TOKEN]

CONFIG = """
dir: {folder}/run
attempts: 1
min_yield: 0
warn_yield: 0
branches:
  laion:
    source:
      class_path: curation.sources.Laion
      init_args: {{metadata: {folder}/metadata.parquet}}
    stages:
      - class_path: curation.download.Download
        init_args:
          {{image: {{min_size: 16, size: 32}}, retries: 0, timeout: 2, deadline: 4, threads: 4,
            allow_hosts: [127.0.0.1], max_unreachable: 1, resources: {{cpus: 0.1}}}}
      - {{class_path: tests.pipelines.small_run.Brightness, init_args: {{resources: {{cpus: 0.1}}}}}}
      - class_path: curation.selection.Select
        init_args: {{min_aesthetic: 0, min_short_edge: 16, resources: {{cpus: 0.1}}}}
      - class_path: captioning.recaption.Recaption
        init_args:
          name: server
          prompt: "Describe this. 400=1"
          captioner:
            class_path: captioning.engines.OpenAICaptioner
            init_args: {{url: "{chat}", model: m, api_key_variable: OPENAI_API_KEY, pause: 0.01}}
          resources: {{cpus: 0.1, gpus: 0}}
merge:
  output: {folder}/run/training
  resources: {{cpus: 0.1}}
"""


def links(server: web.Server) -> list[str]:
    """Links with secrets in them, that work and that fail in every way whose message could repeat them."""
    me = f"me:{PASSWORD}@127.0.0.1"
    signed = f"X-Amz-Signature={SIGNATURE}&access_token={TOKEN}"
    broken = f"http://me:{PASSWORD}@ex%E2%84%80mple.com/"
    return [
        *(server.url(f"/image/?number={number}&{signed}", me) for number in range(3)),
        *(
            server.url(f"{path}?{signed}", me)
            for path in ("/status/404", "/status/500", "/reset", "/garbage", "/short")
        ),
        server.url(f"/body/html?{signed}", me),
        server.url(f"/redirect?to={broken}&{signed}", me),
        server.url(f"/redirect?to=http://169.254.169.254/?{signed}", me),
        f"http://me:{PASSWORD}@ex\u2100mple.com/?{signed}",
        f"http://me:{PASSWORD}/x@127.0.0.1/?{signed}",
        f"ftp://me:{PASSWORD}@127.0.0.1/?{signed}",
        f"https://{me}:{server.port}/?{signed}",
    ]


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """Where a Ray of our own writes its logs; its sockets need a short path."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_no_secret_is_written_or_said(tmp_path: Path, ray_folder: Path) -> None:
    with web.serving() as server, chat_server.serving() as chat:
        chat.key = ENVIRONMENT["OPENAI_API_KEY"]
        urls = links(server)
        pq.write_table(pa.table({"url": urls, "caption": ["a picture"] * len(urls)}), tmp_path / "metadata.parquet")
        (tmp_path / "run.yaml").write_text(CONFIG.format(folder=tmp_path, chat=chat.url))
        said = ""
        for command in (["run", "run.yaml"], ["plan", "run.yaml"], ["status", "run", "--hosts"]):
            done = subprocess.run(
                [sys.executable, "-m", "pipelines.cli", *command],
                cwd=tmp_path,
                env={**os.environ, **ENVIRONMENT, "RAY_TMPDIR": str(ray_folder), "PYTHONPATH": os.getcwd()},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            said += done.stdout + done.stderr
    [images] = (tmp_path / "run" / "laion" / "images").glob("*.parquet")
    outcomes = [row["reason"] for row in pq.read_table(images).to_pylist()]
    assert outcomes.count(None) == 3, "the links that work, worked"
    assert len(set(outcomes)) >= 8, "and the others failed in many ways"

    written = {path: text(path) for path in [*tmp_path.rglob("*"), *ray_folder.rglob("*")] if path.is_file()}
    assert any("refuses a request" in content for path, content in written.items() if ray_folder in path.parents)
    told = {str(path): content for path, content in written.items() if not holds_links(path)} | {"said": said}
    assert [(name, secret) for name, content in told.items() for secret in SECRETS if secret in content] == []


def holds_links(path: Path) -> bool:
    """The links themselves, which are what is fetched."""
    return path.name == "metadata.parquet" or path.parent.name == "urls"


def text(path: Path) -> str:
    """What is in a file, compressed or not."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    return path.read_bytes().decode(errors="replace")


def test_a_key_in_the_wrong_place_is_refused_without_repeating_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (f"api_key: {TOKEN}", f"api_key_variable: {TOKEN}"):
        config = CONFIG.format(folder=tmp_path, chat="http://127.0.0.1:9/v1")
        assert "api_key_variable: OPENAI_API_KEY" in config
        (tmp_path / "run.yaml").write_text(config.replace("api_key_variable: OPENAI_API_KEY", wrong))
        pq.write_table(pa.table({"url": ["http://h/"], "caption": ["x"]}), tmp_path / "metadata.parquet")
        assert main(["run", str(tmp_path / "run.yaml"), "--address", "127.0.0.1:9"]) == 2
        said = capsys.readouterr()
        assert "api_key" in said.err
        assert TOKEN not in said.out + said.err
