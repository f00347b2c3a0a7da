"""What is in each picture of the miniature world, and what can truthfully be said of it.

A scene is decided first, as plain values; the picture is drawn from it and the caption is written from it, so the
caption is true by construction. Positions are fractions of the picture, sizes are fractions of its short edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Colour = tuple[int, int, int]

COLOURS: Mapping[str, Colour] = {
    "red": (214, 40, 44),
    "orange": (245, 128, 28),
    "yellow": (250, 208, 52),
    "green": (46, 158, 78),
    "turquoise": (44, 190, 186),
    "blue": (38, 88, 208),
    "purple": (124, 58, 170),
    "pink": (244, 142, 188),
    "brown": (122, 74, 40),
    "black": (26, 26, 30),
    "grey": (124, 126, 132),
    "white": (248, 248, 244),
}
"""Named colours, 8-bit sRGB, far enough apart to be told apart even in a washed-out picture."""

GREYS = ("black", "grey", "white")


class Shape(StrEnum):
    """An outline that holds its own centre."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"
    HEXAGON = "hexagon"
    STAR = "star"
    CROSS = "cross"
    HEART = "heart"


ROOMY = (Shape.CIRCLE, Shape.SQUARE, Shape.HEXAGON)
"""Shapes with space for another one inside them."""

BROAD = (*ROOMY, Shape.DIAMOND)
"""Shapes that reach at least 0.7 of their radius in every direction, so that two of them surely overlap."""


class Texture(StrEnum):
    """How the second colour lies on the first."""

    SOLID = "solid"
    STRIPED = "striped"
    DOTTED = "dotted"
    CHECKED = "checked"
    RINGED = "ringed"
    SPECKLED = "speckled"


class Relation(StrEnum):
    """Where the first thing is, seen from the second."""

    LEFT_OF = "to the left of"
    RIGHT_OF = "to the right of"
    ABOVE = "above"
    BELOW = "below"
    INSIDE = "inside"
    BEHIND = "partly hidden behind"


class Encoding(StrEnum):
    """How the file stores the picture; most are plain, the others give a decoder something to do."""

    JPEG = "jpeg"
    JPEG_ROTATED = "jpeg_rotated"
    JPEG_GREY = "jpeg_grey"
    JPEG_CMYK = "jpeg_cmyk"
    PNG = "png"
    PNG_ALPHA = "png_alpha"
    PNG_GREY16 = "png_grey16"
    WEBP = "webp"


GREY_ENCODINGS = (Encoding.JPEG_GREY, Encoding.PNG_GREY16)


@dataclass(frozen=True, kw_only=True)
class Background:
    """What lies behind the things.

    Args:
        name: one word for it.
        description: noun phrase for captions.
        clashes: colours that would not stand out against it.
        grey: whether the description still holds in a picture without colour.
    """

    name: str
    description: str
    clashes: tuple[str, ...]
    grey: bool = False


WHITE = Background(name="white", description="plain white", clashes=("white",))
"""What a transparent picture shows once it is laid on white."""

BACKGROUNDS = (
    Background(
        name="meadow",
        description="a meadow of green grass beneath a clear blue sky",
        clashes=("green", "blue", "turquoise"),
    ),
    Background(
        name="beach",
        description="a strip of yellow sand in front of a calm blue sea",
        clashes=("yellow", "blue", "turquoise"),
    ),
    Background(name="hills", description="rolling green hills under a pale yellow sky", clashes=("green", "yellow")),
    Background(
        name="sunset",
        description="an evening sky that turns from purple at the top to orange at the bottom",
        clashes=("purple", "orange", "pink"),
    ),
    Background(
        name="bricks",
        description="a wall of reddish brown bricks with light mortar",
        clashes=("red", "brown", "orange"),
    ),
    Background(name="planks", description="a table top of brown wooden planks", clashes=("brown", "orange", "red")),
    Background(
        name="night",
        description="a dark night sky full of small white stars",
        clashes=("black", "blue", "purple"),
        grey=True,
    ),
    Background(
        name="paper", description="a sheet of white paper ruled in small squares", clashes=("white",), grey=True
    ),
    Background(name="tiles", description="a floor of square tiles in two light greys", clashes=("white",), grey=True),
    Background(name="plaster", description="a rough wall of light grey plaster", clashes=("white",), grey=True),
)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One coloured shape.

    Args:
        colour: a name in COLOURS; what is seen at the centre.
        accent: the name of the second colour, which a solid shape does not show.
        x: centre, fraction of the width from the left.
        y: centre, fraction of the height from the top.
        radius: fraction of the short edge; the shape stays within the circle.
    """

    shape: Shape
    colour: str
    accent: str
    texture: Texture
    x: float
    y: float
    radius: float

    @property
    def phrase(self) -> str:
        """The noun phrase: `large red circle with white stripes`."""
        size = "large " if self.radius > 0.19 else "small " if self.radius < 0.13 else ""
        surface = {
            Texture.SOLID: "",
            Texture.STRIPED: f" with {self.accent} stripes",
            Texture.DOTTED: f" covered in {self.accent} dots",
            Texture.CHECKED: f" with {self.accent} checks",
            Texture.RINGED: f" with {self.accent} rings",
            Texture.SPECKLED: f" sprinkled with {self.accent} specks",
        }[self.texture]
        smooth = "smooth " if self.texture is Texture.SOLID else ""
        return f"{size}{smooth}{self.colour} {self.shape}{surface}"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture, before it is drawn.

    Args:
        index: number of the scene in its world.
        seed: seed of its world; with `index` it settles everything, grain of the drawing included.
        width: pixels of the upright picture.
        height: pixels of the upright picture.
        first: what `relation` speaks about.
        second: what `relation` refers to.
        extra: a small thing in a corner, or none.
        vividness: 0 (washed out) to 1 (full saturation and contrast).
    """

    index: int
    seed: int
    width: int
    height: int
    background: Background
    first: Thing
    relation: Relation
    second: Thing
    extra: Thing | None
    vividness: float
    encoding: Encoding

    @property
    def things(self) -> list[Thing]:
        """Every thing, in the order in which they are painted."""
        pair = [self.first, self.second] if self.relation is Relation.BEHIND else [self.second, self.first]
        return pair if self.extra is None else [*pair, self.extra]

    @property
    def short_edge(self) -> int:
        """Pixels of the shorter side."""
        return min(self.width, self.height)
