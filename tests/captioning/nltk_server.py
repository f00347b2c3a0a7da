"""NLTK's data server in small: a real web server with an index and two packages, a tagger of four words among them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nltk.data
import nltk.pathsec
import pytest
from nltk.downloader import Downloader

from captioning import part_of_speech

TAGGER = "averaged_perceptron_tagger_eng"
_TAGGER_FILES = {
    "weights": {"bias": {"NN": 0.5}, "i word big": {"JJ": 2.0}},
    "tagdict": {"a": "DT", "on": "IN", "red": "JJ"},
    "classes": ["DT", "IN", "JJ", "NN"],
}
"""Everything is a noun but a few words."""
_PUNKT_FILES = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


@dataclass(kw_only=True)
class NltkServer:
    """What is served, and what was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def nltk_server() -> Iterator[NltkServer]:
    """A server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = NltkServer(url=f"http://127.0.0.1:{server.server_port}")
    served.files = _files(served.url)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def without_nltk_data(patch: pytest.MonkeyPatch, folder: Path, url: str) -> None:
    """As on a machine that never had NLTK's data: it looks for it in `folder` alone, and would fetch it from `url`.

    NLTK connects to no private address, so that this machine's own is the one exception.
    """
    is_forbidden = nltk.pathsec._ip_is_forbidden
    patch.setattr(nltk.pathsec, "_ip_is_forbidden", lambda ip: str(ip) != "127.0.0.1" and is_forbidden(ip))
    patch.setattr(nltk.data, "path", [str(folder)])
    patch.setattr(Downloader, "DEFAULT_URL", f"{url}/index.xml")
    patch.setenv("NLTK_DATA", str(folder))
    part_of_speech._tagger.cache_clear()


def _files(url: str) -> dict[str, bytes]:
    tagger = {f"{TAGGER}/{TAGGER}.{name}.json": json.dumps(value) for name, value in _TAGGER_FILES.items()}
    punkt = {f"punkt_tab/english/{name}": "" for name in _PUNKT_FILES}
    packages = {"taggers": (TAGGER, tagger), "tokenizers": ("punkt_tab", punkt)}
    zips = {name: _zip(files) for name, files in packages.values()}
    entries = "".join(
        f'<package id="{name}" subdir="{folder}" url="{url}/{name}.zip" unzip="1" size="{len(zips[name])}" '
        f'unzipped_size="{sum(map(len, files.values()))}" sha256_checksum="{hashlib.sha256(zips[name]).hexdigest()}" '
        f'checksum="{hashlib.md5(zips[name]).hexdigest()}"/>'
        for folder, (name, files) in packages.items()
    )
    index = f"<nltk_data><packages>{entries}</packages><collections/></nltk_data>"
    return {"/index.xml": index.encode(), **{f"/{name}.zip": body for name, body in zips.items()}}


def _zip(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()
