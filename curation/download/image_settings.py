"""Which images are taken from the web or an archive, and how they are stored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from curation.download.resizer import Resizer


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """The same for every source of images.

    Args:
        size: longest short edge that is kept, in pixels; larger images are shrunk to it, none is enlarged.
        quality: JPEG quality, 1 to 95.
        min_size: smallest short edge that is taken, in pixels.
        max_area: largest image that is decoded, in pixels.
        max_aspect_ratio: largest long edge over short edge that is taken.
        animated: whether an animation gives its first frame or is rejected.

    Raises:
        ValueError: a setting is out of range.
    """

    size: int = 1024
    quality: int = 95
    min_size: int = 64
    max_area: int = 64_000_000
    max_aspect_ratio: float = 8.0
    animated: Literal["first_frame", "reject"] = "first_frame"

    def __post_init__(self) -> None:
        from curation.download.decoding import PILLOW_MAX_AREA

        if not 1 <= self.quality <= 95:
            raise ValueError(f"image.quality={self.quality}: expected 1 to 95")
        if not 1 <= self.min_size <= self.size:
            raise ValueError(f"image.min_size={self.min_size}, image.size={self.size}: expected 1 <= min_size <= size")
        if self.max_aspect_ratio < 1:
            raise ValueError(f"image.max_aspect_ratio={self.max_aspect_ratio}: long over short edge is at least 1")
        if not 1 <= self.max_area <= PILLOW_MAX_AREA:
            raise ValueError(
                f"image.max_area={self.max_area}: expected 1 to {PILLOW_MAX_AREA}, the most that Pillow opens"
            )

    def resizer(self) -> "Resizer":
        """What shrinks images so."""
        from curation.download.decoding import ImageLimits
        from curation.download.resizer import Resizer

        limits = ImageLimits(
            min_size=self.min_size,
            max_area=self.max_area,
            max_aspect_ratio=self.max_aspect_ratio,
            animated=self.animated,
        )
        return Resizer(image_size=self.size, quality=self.quality, limits=limits)
