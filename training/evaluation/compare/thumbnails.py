"""Images made small enough to stand in a page by the hundred."""

import base64
import io

from PIL import Image

from training.evaluation.pictures import read_image

SIDE = 384
"""Of a thumbnail's longer edge, in pixels: a 2x2 grid still shows what is in its four images."""
_QUALITY = 72


def thumbnail(path: str) -> str | None:
    """A data URL of the image at `path`, at most SIDE pixels wide and high; None where it cannot be read."""
    try:
        image = read_image(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what Pillow's readers raise
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"
