"""Composes scenes at random: what is in them, where it is, how vivid it is and how the file stores it."""

import random

from pipelines.miniature.scenes import (
    BACKGROUNDS,
    BROAD,
    COLOURS,
    GREY_ENCODINGS,
    GREYS,
    ROOMY,
    WHITE,
    Background,
    Colour,
    Encoding,
    Relation,
    Scene,
    Shape,
    Texture,
    Thing,
)

_ENCODING_CYCLE = (
    *(Encoding.JPEG,) * 4, Encoding.WEBP, Encoding.JPEG_ROTATED, Encoding.PNG_ALPHA, *(Encoding.JPEG,) * 3,
    Encoding.JPEG_GREY, Encoding.JPEG, Encoding.PNG, Encoding.JPEG_CMYK, *(Encoding.JPEG,) * 2,
    Encoding.PNG_GREY16, Encoding.WEBP, Encoding.JPEG_ROTATED, Encoding.JPEG,
)  # fmt: skip


def make_scenes(count: int, seed: int) -> list[Scene]:
    """The first `count` scenes of the world with this seed; a longer world begins with the same ones."""
    return [_make_scene(index, seed) for index in range(count)]


def _make_scene(index: int, seed: int) -> Scene:
    rng = random.Random(f"scene {seed} {index}")
    encoding = _ENCODING_CYCLE[index % len(_ENCODING_CYCLE)]
    grey = encoding in GREY_ENCODINGS
    width, height = _size(rng)
    relation = rng.choice(list(Relation))
    background = (
        WHITE
        if encoding is Encoding.PNG_ALPHA
        else rng.choice([place for place in BACKGROUNDS if place.grey or not grey])
    )
    palette = [name for name in (GREYS if grey else COLOURS) if name not in background.clashes]
    colours = rng.sample(palette, min(3, len(palette)))
    shapes = _distinct_shapes(rng, relation)
    circles = _layout(rng, relation, width, height)
    first, second, extra = (
        Thing(
            shape=shape,
            colour=colour,
            accent=_accent(rng, colour, background, grey=grey),
            texture=rng.choice(list(Texture)),
            x=x,
            y=y,
            radius=radius,
        )
        for shape, colour, (x, y, radius) in zip(shapes, (*colours, colours[0])[:3], circles, strict=True)
    )
    return Scene(
        index=index,
        seed=seed,
        width=width,
        height=height,
        background=background,
        first=first,
        relation=relation,
        second=second,
        extra=extra if rng.random() < 0.6 else None,
        vividness=round(rng.uniform(0.0, 0.3) if grey else rng.random(), 3),
        encoding=encoding,
    )


def _size(rng: random.Random) -> tuple[int, int]:
    """Width and height: three in four have a short edge of 512 pixels or more."""
    short = rng.choice((512, 540, 576, 600, 640)) if rng.random() < 0.75 else rng.randrange(300, 504, 4)
    long = round(short * rng.choice((1.0, 1.0, 4 / 3, 1.5)))
    return (long, short) if rng.random() < 0.6 else (short, long)


def _distinct_shapes(rng: random.Random, relation: Relation) -> list[Shape]:
    """Three different shapes, so that "the circle" can mean but one; the second can hold the first if it must."""
    behind = relation is Relation.BEHIND
    second = rng.choice(ROOMY if relation is Relation.INSIDE else BROAD if behind else tuple(Shape))
    first = rng.choice([shape for shape in (BROAD if behind else Shape) if shape is not second])
    extra = rng.choice([shape for shape in Shape if shape not in (first, second)])
    return [first, second, extra]


def _accent(rng: random.Random, colour: str, background: Background, *, grey: bool) -> str:
    """A second colour clearly lighter or darker than the first, and unlike the background where there is a choice."""
    names = GREYS if grey else tuple(COLOURS)
    contrasting = [name for name in names if abs(_luma(COLOURS[name]) - _luma(COLOURS[colour])) > 60]
    return rng.choice([name for name in contrasting if name not in background.clashes] or contrasting)


def _luma(colour: Colour) -> float:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _layout(rng: random.Random, relation: Relation, width: int, height: int) -> list[tuple[float, float, float]]:
    """(x, y, radius) of the first, the second and the extra thing; the first's centre and the second's stay visible."""
    short = min(width, height)
    across, down = short / width, short / height  # one short edge, as a fraction of each side
    jitter = rng.uniform(-0.04, 0.04)
    big, other = rng.uniform(0.165, 0.215), rng.uniform(0.165, 0.215)
    near, far = 0.27, 0.73
    if relation is Relation.LEFT_OF:
        pair = [(near, 0.5 + jitter, big), (far, 0.5 - jitter, other)]
    elif relation is Relation.RIGHT_OF:
        pair = [(far, 0.5 + jitter, big), (near, 0.5 - jitter, other)]
    elif relation is Relation.ABOVE:
        pair = [(0.5 + jitter, near, big), (0.5 - jitter, far, other)]
    elif relation is Relation.BELOW:
        pair = [(0.5 + jitter, far, big), (0.5 - jitter, near, other)]
    elif relation is Relation.INSIDE:
        outer = rng.uniform(0.32, 0.36)
        pair = [(0.5, 0.5 - 0.43 * outer * down, 0.26 * outer), (0.5, 0.5, outer)]
    else:
        side = rng.choice((-1, 1))
        pair = [
            (0.5 - side * 0.11 * across, 0.5 - 0.08 * down, 0.25),
            (0.5 + side * 0.11 * across, 0.5 + 0.09 * down, 0.19),
        ]
    margin = 0.125
    corner_x = rng.choice((margin * across, 1 - margin * across))
    corner_y = rng.choice((margin * down, 1 - margin * down))
    return [*pair, (corner_x, corner_y, rng.uniform(0.075, 0.09))]
