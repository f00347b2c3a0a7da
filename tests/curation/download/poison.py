"""An image that kills the process that decodes it, where `deadly/` is on Python's path, and is sound elsewhere."""

import os
import struct
from pathlib import Path

DEADLY = Path(__file__).parent / "deadly"
ROOT = Path(__file__).parents[3]


def poison(seed: int = 0, edge: int = 80) -> bytes:
    """A square BMP of one grey, compressed by run lengths: format 1 of its header."""
    colours = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
    lines = (bytes([edge, seed % 256]) + b"\x00\x00") * edge  # a run, and the line's end
    pixels = lines + b"\x00\x01"  # and the image's
    start = 14 + 40 + len(colours)
    header = struct.pack("<IiiHHIIiiII", 40, edge, edge, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + colours + pixels


def deadly_environment() -> dict[str, str]:
    """The environment of a Python in which `poison` is deadly."""
    return {**os.environ, "PYTHONPATH": f"{DEADLY}{os.pathsep}{ROOT}"}
