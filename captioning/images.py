"""Images of a shard, decoded by threads while the model is busy with the ones before."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image

from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from curation.tar import read_tar


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One image of a shard, as it is stored.

    Args:
        key: of the tar's members.
        jpeg: the file.
        alt_text: empty where it has none.
    """

    key: str
    jpeg: bytes
    alt_text: str


def read_pictures(dataset: Dataset, shard: Shard, keys: Iterable[str]) -> Iterator[Picture]:
    """The images of `keys` that the shard's tar holds, in its order; no keys, no look at the tar.

    Raises:
        ValueError: the tar is broken.
    """
    wanted = set(keys)
    if not wanted:
        return
    for key, parts in read_tar(dataset.image_tar(shard)):
        if key in wanted and "jpg" in parts:
            yield Picture(key=key, jpeg=parts["jpg"], alt_text=parts.get("txt", b"").decode(errors="replace"))


def decoded(
    pictures: Iterable[Picture], *, threads: int, distance: int
) -> Iterator[tuple[Picture, Image.Image | None]]:
    """Each picture with its RGB image, in order; None where it cannot be decoded.

    Up to `distance` images are decoded, or being decoded, before they are asked for.
    """
    return ahead(lambda picture: (picture, decode(picture.jpeg)), pictures, threads=threads, distance=distance)


def decode(data: bytes) -> Image.Image | None:
    """The RGB image in `data`, None where Pillow cannot read it."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what Pillow's readers raise
        return None
