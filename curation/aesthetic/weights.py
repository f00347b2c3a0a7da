"""The published weights of the aesthetic head: where they are, and that they are the ones."""

import hashlib

from curation import storage

RELEASED_HEAD = (
    "https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/main/sac+logos+ava1-l14-linearMSE.pth"
)
"""The head of the LAION aesthetic predictor v2, for OpenAI's CLIP ViT-L/14: the one behind "aesthetic score over 6"."""

RELEASED_SHA256 = "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0"


def read_weights(path: str) -> bytes:
    """The content of the file at `path`, local or any fsspec URL.

    Raises:
        ValueError: `path` is `RELEASED_HEAD` and something else came from there.
    """
    with storage.open_read(path) as file:
        content = file.read()
    got = hashlib.sha256(content).hexdigest()
    if path == RELEASED_HEAD and got != RELEASED_SHA256:
        raise ValueError(f"{path}: SHA-256 is {got}, expected {RELEASED_SHA256}; get the file and give its path")
    return content
