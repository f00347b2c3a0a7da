"""Paints what lies behind the things: skies, walls, floors and the like, as their descriptions in `scenes` say."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from pipelines.miniature.scenes import Colour

Size = tuple[int, int]
Rng = np.random.Generator


def paint_background(name: str, size: Size, seed: int) -> Image.Image:
    """An RGB picture of `size` (width, height); the same for the same name, size and seed.

    Raises:
        ValueError: there is no background of that name.
    """
    if name not in _PAINTERS:
        raise ValueError(f"background {name!r}: expected one of {', '.join(_PAINTERS)}")
    return _PAINTERS[name](size, np.random.default_rng(seed))


def _meadow(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    horizon = round(height * 0.5)
    picture = _gradient(size, (96, 164, 232), (188, 220, 246), bottom=horizon)
    picture.paste(_gradient((width, height - horizon), (126, 188, 92), (74, 146, 62)), (0, horizon))
    picture = _grain(picture, rng, strength=7, cell=5)
    pen = ImageDraw.Draw(picture)
    blades = rng.uniform(0, 1, (400, 3))
    for across, down, lean in blades:
        x, y = across * width, horizon + down * (height - horizon)
        length = height * (0.008 + 0.025 * down)
        pen.line((x, y, x + (lean - 0.5) * length, y - length), fill=(64, 132, 54), width=1)
    return picture


def _beach(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    sea, sand = round(height * 0.3), round(height * 0.62)
    picture = _gradient(size, (206, 228, 244), (232, 240, 246), bottom=sea)
    picture.paste(_gradient((width, sand - sea), (40, 112, 190), (84, 160, 214)), (0, sea))
    picture.paste(_gradient((width, height - sand), (246, 226, 164), (232, 202, 122)), (0, sand))
    pen = ImageDraw.Draw(picture)
    for across, down in rng.uniform(0, 1, (40, 2)):
        x, y = across * width, sea + down * (sand - sea)
        pen.line((x, y, x + width * (0.02 + 0.05 * down), y), fill=(150, 200, 232), width=max(1, height // 300))
    pen.line((0, sand, width, sand), fill=(250, 250, 246), width=max(2, height // 90))
    return _grain(picture, rng, strength=4, cell=2)


def _hills(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    picture = _gradient(size, (252, 240, 176), (250, 232, 150))
    pen = ImageDraw.Draw(picture)
    xs = np.linspace(0, width, 60)
    for layer, colour in enumerate([(168, 206, 124), (124, 178, 92), (82, 146, 70), (56, 116, 56)]):
        phase, waves = rng.uniform(0, 6.28), rng.uniform(0.7, 1.6)
        crest = height * (0.36 + 0.17 * layer + 0.06 * np.sin(phase + waves * xs / width * 6.28))
        pen.polygon([(0, height), *zip(xs.tolist(), crest.tolist(), strict=True), (width, height)], fill=colour)
    return picture


def _sunset(size: Size, rng: Rng) -> Image.Image:
    picture = _gradient(size, (92, 52, 140), (250, 156, 72), middle=(214, 96, 118))
    return _grain(picture, rng, strength=9, cell=24)


def _bricks(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    picture = Image.new("RGB", size, (206, 196, 184))
    pen = ImageDraw.Draw(picture)
    course = max(8, min(size) // 13)
    length, joint = round(course * 2.2), max(2, course // 9)
    for row, top in enumerate(range(0, height, course)):
        for left in range(-(row % 2) * length // 2, width, length):
            shade = float(rng.uniform(0.86, 1.1))
            fill = _shaded((158, 80, 60), shade)
            pen.rectangle((left, top, left + length - joint - 1, top + course - joint - 1), fill=fill)
    return _grain(picture, rng, strength=7, cell=3)


def _planks(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    pixels = np.empty((height, width, 3), np.float32)
    plank = max(12, min(size) // 6)
    for top in range(0, height, plank):
        rows = min(plank, height - top)
        # Grain runs along the plank: noise that is stretched along x.
        small = Image.fromarray(rng.integers(0, 255, (rows, max(2, width // 60)), np.uint8))
        fibre = np.asarray(small.resize((width, rows), Image.Resampling.BICUBIC), np.float32) / 255 - 0.5
        tone = np.asarray(_shaded((170, 118, 72), float(rng.uniform(0.86, 1.08))), np.float32)
        pixels[top : top + rows] = tone * (1 + 0.14 * fibre[..., None])
        pixels[top : top + max(1, plank // 40)] *= 0.62
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _night(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    picture = _grain(_gradient(size, (10, 12, 24), (34, 36, 58)), rng, strength=6, cell=40)
    pen = ImageDraw.Draw(picture)
    for across, down, glow in rng.uniform(0, 1, (180, 3)):
        light = round(150 + 105 * glow)
        pen.circle((across * width, down * height), 0.5 + 0.003 * min(size) * glow**4, fill=(light, light, light))
    return picture


def _paper(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    picture = _gradient(size, (252, 252, 250), (242, 242, 240))
    pen = ImageDraw.Draw(picture)
    step = max(6, min(size) // 24)
    for x in range(step // 2, width, step):
        pen.line((x, 0, x, height), fill=(206, 208, 212), width=max(1, step // 18))
    for y in range(step // 2, height, step):
        pen.line((0, y, width, y), fill=(206, 208, 212), width=max(1, step // 18))
    return _grain(picture, rng, strength=2, cell=3)


def _tiles(size: Size, rng: Rng) -> Image.Image:
    width, height = size
    picture = Image.new("RGB", size, (150, 150, 152))
    pen = ImageDraw.Draw(picture)
    step = max(12, min(size) // 7)
    for row, top in enumerate(range(0, height, step)):
        for column, left in enumerate(range(0, width, step)):
            base: Colour = (222, 222, 222) if (row + column) % 2 else (188, 188, 190)
            fill = _shaded(base, float(rng.uniform(0.97, 1.03)))
            pen.rectangle((left, top, left + step - 2 - step // 40, top + step - 2 - step // 40), fill=fill)
    return picture


def _plaster(size: Size, rng: Rng) -> Image.Image:
    picture = _grain(_gradient(size, (214, 214, 212), (194, 194, 194)), rng, strength=14, cell=11)
    return _grain(picture, rng, strength=6, cell=3)


def _white(size: Size, _: Rng) -> Image.Image:
    return Image.new("RGB", size, (255, 255, 255))


_PAINTERS: dict[str, Callable[[Size, Rng], Image.Image]] = {
    "meadow": _meadow,
    "beach": _beach,
    "hills": _hills,
    "sunset": _sunset,
    "bricks": _bricks,
    "planks": _planks,
    "night": _night,
    "paper": _paper,
    "tiles": _tiles,
    "plaster": _plaster,
    "white": _white,
}


def _gradient(
    size: Size, top: Colour, bottom_colour: Colour, *, bottom: int | None = None, middle: Colour | None = None
) -> Image.Image:
    """A vertical run from one colour to another, which is reached at row `bottom`, through `middle` if there is one."""
    width, height = size
    stops = [top, bottom_colour] if middle is None else [top, middle, bottom_colour]
    places = np.linspace(0, (bottom or height) - 1, len(stops))
    rows = np.stack([np.interp(np.arange(height), places, channel) for channel in np.transpose(stops)], axis=-1)
    column = Image.fromarray(rows[:, None, :].round().astype(np.uint8))  # (H, 1, 3)
    return column.resize((width, height), Image.Resampling.NEAREST)


def _grain(picture: Image.Image, rng: Rng, *, strength: int, cell: int) -> Image.Image:
    """Uneven light: smooth noise of up to `strength` of 255, with blotches of about `cell` pixels."""
    width, height = picture.size
    small = rng.integers(-strength, strength + 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
    noise: npt.NDArray[np.float32] = np.asarray(
        Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)
    )
    pixels = np.asarray(picture, np.float32) + noise[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue
