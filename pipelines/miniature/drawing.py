"""Draws a scene, and stores the drawing as the JPEG, PNG or WebP file that the scene asks for."""

import io
import math
import random
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from pipelines.miniature.backgrounds import paint_background
from pipelines.miniature.scenes import COLOURS, Colour, Encoding, Scene, Shape, Texture, Thing

_OVERSAMPLING = 3  # shapes are drawn so many times larger, then reduced: smooth edges
_FADED: Colour = (178, 178, 178)
_ORIENTATION_TAG = 0x0112
_TURNS = {  # EXIF orientation -> how the stored picture is turned against the upright one
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def fade(colour: Colour, vividness: float) -> Colour:
    """The colour as it looks in a picture of this vividness: nearer to one light grey the lower that is."""
    keep = _kept_contrast(vividness)
    red, green, blue = (round(grey + keep * (own - grey)) for own, grey in zip(colour, _FADED, strict=True))
    return red, green, blue


def draw(scene: Scene, short_edge: int | None = None) -> Image.Image:
    """The upright picture: RGB, or RGBA where the file keeps its background transparent.

    Args:
        scene: what to draw.
        short_edge: pixels of the short side, if not the scene's own.
    """
    scale = 1.0 if short_edge is None else short_edge / scene.short_edge
    size = (round(scene.width * scale), round(scene.height * scale))
    transparent = scene.encoding is Encoding.PNG_ALPHA
    grain = random.Random(f"background {scene.seed} {scene.index}").getrandbits(64)
    canvas = paint_background(scene.background.name, size, seed=grain)
    painted = Image.new("L", size)
    for thing in scene.things:
        _paint(canvas, painted, thing, shadow=not transparent)
    canvas = Image.blend(Image.new("RGB", size, _FADED), canvas, _kept_contrast(scene.vividness))
    if not transparent:
        return canvas
    # What lies under full transparency is black, as many programs leave it, so dropping alpha is no way to white.
    seen = painted.point([0, *[255] * 255])
    picture = Image.composite(canvas, Image.new("RGB", size), seen)
    picture.putalpha(painted)
    return picture


def on_white(picture: Image.Image) -> Image.Image:
    """The RGB picture that is seen where a transparent one lies on white."""
    if picture.mode == "RGB":
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")


def encode(scene: Scene, picture: Image.Image) -> tuple[bytes, str]:
    """The file with `picture` in it as the scene's encoding wants it, and the ending for its name."""
    match scene.encoding:
        case Encoding.JPEG:
            return _save(picture, "JPEG", quality=90), "jpg"
        case Encoding.JPEG_ROTATED:
            orientation = sorted(_TURNS)[scene.index % len(_TURNS)]
            exif = Image.Exif()
            exif[_ORIENTATION_TAG] = orientation
            return _save(picture.transpose(_TURNS[orientation]), "JPEG", quality=90, exif=exif), "jpg"
        case Encoding.JPEG_GREY:
            return _save(picture.convert("L"), "JPEG", quality=90), "jpg"
        case Encoding.JPEG_CMYK:
            return _save(picture.convert("CMYK"), "JPEG", quality=90), "jpg"
        case Encoding.PNG | Encoding.PNG_ALPHA:
            return _save(picture, "PNG", compress_level=4), "png"
        case Encoding.PNG_GREY16:
            wide = np.asarray(picture.convert("L"), np.uint16) * 257  # 0..255 -> 0..65535
            return _save(Image.fromarray(wide), "PNG", compress_level=4), "png"
        case Encoding.WEBP:
            return _save(picture, "WEBP", quality=88, method=2), "webp"


def _save(picture: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def _kept_contrast(vividness: float) -> float:
    return 0.22 + 0.78 * vividness


def _paint(canvas: Image.Image, painted: Image.Image, thing: Thing, *, shadow: bool) -> None:
    """Lay one thing on the canvas, its soft shadow under it; `painted` keeps where anything has been laid."""
    width, height = canvas.size
    radius = max(4, round(thing.radius * min(width, height)))
    side = 2 * radius
    left, top = round(thing.x * width) - radius, round(thing.y * height) - radius
    mask = _outline(thing.shape, side)
    if shadow:
        blur = max(1, radius // 9)
        soft = Image.new("L", (side + 6 * blur, side + 6 * blur))
        soft.paste(mask.point(lambda value: value * 0.42), (3 * blur, 3 * blur))
        soft = soft.filter(ImageFilter.GaussianBlur(blur))
        canvas.paste((18, 18, 24), (left - 2 * blur, top - 2 * blur), soft)
    canvas.paste(_surface(thing, side), (left, top), mask)
    covered = Image.new("L", canvas.size)
    covered.paste(mask, (left, top))
    painted.paste(ImageChops.lighter(painted, covered))


@lru_cache(maxsize=256)
def _outline(shape: Shape, side: int) -> Image.Image:
    """The shape as an 8-bit mask of `side` x `side` pixels; its centre is the middle of the square."""
    large = side * _OVERSAMPLING
    mask = Image.new("L", (large, large))
    pen = ImageDraw.Draw(mask)
    if shape is Shape.CIRCLE:
        pen.ellipse((0, 0, large - 1, large - 1), fill=255)
    else:
        half = large / 2
        pen.polygon([(half + half * x, half + half * y) for x, y in _corners(shape)], fill=255)
    return mask.reduce(_OVERSAMPLING)


def _corners(shape: Shape) -> list[tuple[float, float]]:
    """The outline within the unit circle; y points down."""
    match shape:
        case Shape.SQUARE:
            return _regular(4, turn=0.125)
        case Shape.TRIANGLE:
            return _regular(3)
        case Shape.DIAMOND:
            return _regular(4)
        case Shape.HEXAGON:
            return _regular(6, turn=1 / 12)
        case Shape.STAR:
            outer, inner = _regular(5), _regular(5, turn=0.1)
            return [point for tip, (x, y) in zip(outer, inner, strict=True) for point in (tip, (0.46 * x, 0.46 * y))]
        case Shape.CROSS:
            arm = 0.31
            return [
                (-arm, -0.95), (arm, -0.95), (arm, -arm), (0.95, -arm), (0.95, arm), (arm, arm),
                (arm, 0.95), (-arm, 0.95), (-arm, arm), (-0.95, arm), (-0.95, -arm), (-arm, -arm),
            ]  # fmt: skip
        case Shape.HEART:
            angles = (math.tau * step / 90 for step in range(90))
            return [
                (
                    0.9 * math.sin(angle) ** 3,
                    -(13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle))
                    / 18.5
                    - 0.06,
                )
                for angle in angles
            ]
        case _:
            raise ValueError(f"a {shape} has no corners")


def _regular(corners: int, turn: float = 0.0) -> list[tuple[float, float]]:
    """A regular polygon with one corner at the top, turned clockwise by `turn` of a full circle."""
    angles = (math.tau * (step / corners + turn) for step in range(corners))
    return [(math.sin(angle), -math.cos(angle)) for angle in angles]


def _surface(thing: Thing, side: int) -> Image.Image:
    """The thing's two colours in their texture, lit from the upper left; the first colour is at the centre."""
    large = side * 2
    cloth = Image.new("RGB", (large, large), COLOURS[thing.colour])
    _weave(ImageDraw.Draw(cloth), thing, large)
    pixels = np.asarray(cloth.reduce(2), np.float32)  # (side, side, 3)
    ramp = np.linspace(0.08, -0.08, side, dtype=np.float32)
    light = 1.0 + ramp[:, None] * 0.6 + ramp[None, :] * 0.4  # (side, side)
    return Image.fromarray(np.clip(pixels * light[..., None], 0, 255).astype(np.uint8))


def _weave(pen: ImageDraw.ImageDraw, thing: Thing, side: int) -> None:
    """Draw the second colour over the first, leaving the middle free."""
    accent, middle, cell = COLOURS[thing.accent], side / 2, side / 9
    steps = range(-5, 6)
    match thing.texture:
        case Texture.SOLID:
            return
        case Texture.STRIPED:
            for step in range(-4, 5):
                start = middle + (2 * step + 0.5) * cell
                slant = side * 0.35
                pen.polygon(
                    [
                        (start + slant, 0),
                        (start + slant + cell, 0),
                        (start - slant + cell, side),
                        (start - slant, side),
                    ],
                    fill=accent,
                )
        case Texture.DOTTED:
            for row in steps:
                for column in steps:
                    x, y = middle + (column + 0.5) * 1.3 * cell, middle + (row + 0.5) * 1.3 * cell
                    pen.circle((x, y), cell * 0.36, fill=accent)
        case Texture.CHECKED:
            for row in steps:
                for column in steps:
                    if (row + column) % 2:
                        x, y = middle + (column - 0.5) * cell, middle + (row - 0.5) * cell
                        pen.rectangle((x, y, x + cell, y + cell), fill=accent)
        case Texture.RINGED:
            for ring in range(1, 5):
                reach = (2 * ring - 0.5) * cell * 0.62
                pen.circle((middle, middle), reach, outline=accent, width=max(1, round(cell * 0.55)))
        case Texture.SPECKLED:
            for x, y in _specks():
                pen.circle((middle + x * middle, middle + y * middle), cell * 0.16, fill=accent)


@lru_cache(maxsize=1)
def _specks() -> list[tuple[float, float]]:
    """Places in the square -1..1, at random once and for all, none of them near the middle."""
    places: npt.NDArray[np.float64] = np.random.default_rng(0).uniform(-1, 1, (170, 2))
    return [(float(x), float(y)) for x, y in places if abs(x) + abs(y) > 0.12]
