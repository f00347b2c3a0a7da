"""img2dataset's resizer seam: a fetched body in, a JPEG of bounded size out."""

import io
from dataclasses import dataclass, field
from typing import IO

from PIL import Image

from curation.download.decoding import ImageLimits, decode
from curation.download.rejection import RejectedError
from curation.download.shrinking import shrink
from curation.reasons import Reason

_JPEG_MAX_EDGE = 65_500
_REDUCED = 3
"""The least that is left to the filter where a JPEG is decoded smaller. At twice the size, photographs come out worse
than by img2dataset's area filter; at thrice, better."""

Resized = tuple[bytes, int, int, int, int, None] | tuple[None, None, None, None, None, str]
"""JPEG, width, height, original width, original height, error: what img2dataset expects of a resizer."""


@dataclass(frozen=True, kw_only=True)
class Resizer:
    """Shrinks an image, keeping its ratio, until its short edge is `image_size`; never enlarges one.

    Every image is encoded anew, also a JPEG that is small enough: kept as it is it would keep its EXIF, its profile
    and whatever hangs behind its end, and readers would meet every dialect of JPEG there is. So all files are
    three-channel sRGB from one encoder, at the price of one generation of a high-quality JPEG.

    Args:
        image_size: longest short edge that is kept, in pixels.
        quality: of the JPEG, 1 to 95.
        limits: which images are taken.
    """

    image_size: int = 1024
    quality: int = 95
    limits: ImageLimits = field(default_factory=ImageLimits)

    def __call__(self, img_stream: IO[bytes], blurring_bbox_list: object = None) -> Resized:
        """Resize the image in `img_stream`; a rejection comes back as the error's text."""
        img_stream.seek(0)
        try:
            decoded = decode(img_stream.read(), self.limits, _REDUCED * self.image_size)
            image = self._shrink(decoded.image, decoded.width, decoded.height)
        except RejectedError as error:
            return None, None, None, None, None, str(error)
        encoded = io.BytesIO()
        image.save(encoded, "JPEG", quality=self.quality)
        return encoded.getvalue(), image.width, image.height, decoded.width, decoded.height, None

    def _shrink(self, image: Image.Image, width: int, height: int) -> Image.Image:
        scale = min(1.0, self.image_size / min(width, height))
        size = round(width * scale), round(height * scale)
        if max(size) > _JPEG_MAX_EDGE:
            raise RejectedError(Reason.ASPECT_RATIO, f"{size[0]} x {size[1]} pixels, over what a JPEG holds")
        return image if size == image.size else shrink(image, size)
