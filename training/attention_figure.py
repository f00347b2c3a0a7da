"""Draws an attention map as a picture: a column a token, a row a timestep, each column by its own maximum."""

import textwrap
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from plotly.colors import sequential

from training.attention_maps import AttentionMap

SHARPNESS = 2
"""Pixels for each unit that lengths below are given in."""
MARGIN, LEFT, COLOUR_BAR, GAP, TITLE_LINE, TICK = 28, 62, 14, 18, 21, 5
HEAT_WIDTH, HEAT_HEIGHT = 960, 360
CELL_WIDTHS = (18, 140)
"""Narrowest and widest column: labels need the one, and three tokens are no wall of colour with the other."""
TICK_EVERY = 200
"""Timesteps between two labels."""
INK, FAINT, PAPER = (38, 38, 46), (118, 118, 128), (255, 255, 255)


def draw_map(attention: AttentionMap, block: int | None = None) -> Image.Image:
    """The picture of `attention`; for `block` see `AttentionMap.relative`."""
    return _Figure(attention, block).draw()


class _Figure:
    """One picture: where its parts stand, in units, and how they are drawn."""

    def __init__(self, attention: AttentionMap, block: int | None) -> None:
        self._attention = attention
        self._shares = attention.relative(block).numpy()  # (T, L)
        tokens = len(attention.tokens)
        cell = min(max(HEAT_WIDTH // tokens, CELL_WIDTHS[0]), CELL_WIDTHS[1])
        self._width = tokens * cell
        self._left = MARGIN + LEFT
        blocks = len(attention.weights)
        which = f"mean of {blocks} blocks" if block is None else f"block {block} of {blocks}"
        self._note = f"Each column relative to its own maximum; mean over queries and heads, {which}."
        title_width = max(self._width + GAP + COLOUR_BAR + 40, 520)
        self._title = textwrap.wrap(attention.prompt, max(title_width // 8, 20), max_lines=3, placeholder=" ...")
        self._top = MARGIN + TITLE_LINE * (len(self._title) + 1) + GAP
        self._bottom = self._top + HEAT_HEIGHT
        self._labels = [_rotated(label[:24], 13, 60, INK) for label in attention.labels]
        right = (self._left + title_width + MARGIN) * SHARPNESS
        under = (self._bottom + TICK + MARGIN) * SHARPNESS + max(label.height for label in self._labels)
        self._image = Image.new("RGB", (right, under), PAPER)
        self._canvas = ImageDraw.Draw(self._image)

    def draw(self) -> Image.Image:
        self._text(self._left, MARGIN, "\n".join(self._title), size=16, anchor="la")
        self._text(self._left, MARGIN + TITLE_LINE * len(self._title) + 4, self._note, size=12, colour=FAINT)
        self._heat(self._shares, self._left, self._top, self._width, HEAT_HEIGHT)
        self._timesteps()
        self._tokens()
        self._colour_bar()
        return self._image

    def _timesteps(self) -> None:
        steps = np.array(self._attention.timesteps[::-1])
        rows = np.arange(len(steps))[::-1]
        last = int(steps[-1])
        for step in [*range(0, last - TICK_EVERY // 2, TICK_EVERY), last]:
            y = self._top + (np.interp(step, steps, rows) + 0.5) * HEAT_HEIGHT / len(steps)
            self._line(self._left - TICK, y, self._left - 1, y)
            self._text(self._left - TICK - 4, y, str(step), anchor="rm")
        label = _rotated("timestep: noise above, image below", 13, 90, FAINT)
        y = round((self._top + HEAT_HEIGHT / 2) * SHARPNESS - label.height / 2)
        self._image.paste(label, (MARGIN * SHARPNESS - label.width // 2, y), label)

    def _tokens(self) -> None:
        cell = self._width / len(self._labels)
        for column, label in enumerate(self._labels):
            x = self._left + (column + 0.5) * cell
            self._line(x, self._bottom + 1, x, self._bottom + TICK)
            corner = (round((x + 6) * SHARPNESS) - label.width, (self._bottom + TICK + 3) * SHARPNESS)
            self._image.paste(label, corner, label)

    def _colour_bar(self) -> None:
        left = self._left + self._width + GAP
        self._heat(np.linspace(1, 0, 256)[:, None], left, self._top, COLOUR_BAR, HEAT_HEIGHT)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = self._bottom - share * HEAT_HEIGHT
            self._line(left + COLOUR_BAR + 1, y, left + COLOUR_BAR + TICK, y)
            self._text(left + COLOUR_BAR + TICK + 4, y, f"{share:g}", anchor="lm")

    def _heat(self, shares: np.ndarray, left: int, top: int, width: int, height: int) -> None:
        """Draw `shares` (rows, columns) in [0, 1] as colours over a rectangle."""
        cells = Image.fromarray(colours(shares))
        size = (width * SHARPNESS, height * SHARPNESS)
        self._image.paste(cells.resize(size, Image.Resampling.NEAREST), (left * SHARPNESS, top * SHARPNESS))

    def _line(self, *place: float) -> None:
        self._canvas.line([round(value * SHARPNESS) for value in place], fill=FAINT, width=SHARPNESS)

    def _text(
        self, x: float, y: float, text: str, *, size: int = 12, colour: tuple[int, int, int] = INK, anchor: str = "la"
    ) -> None:
        place = (round(x * SHARPNESS), round(y * SHARPNESS))
        self._canvas.text(place, text, fill=colour, font=_font(size), anchor=anchor, spacing=3 * SHARPNESS)


def colours(shares: np.ndarray) -> np.ndarray:
    """Viridis, as bytes (..., 3), for shares in [0, 1]."""
    anchors = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in sequential.Viridis])
    places = np.linspace(0, 1, len(anchors))
    channels = [np.interp(shares, places, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _rotated(text: str, size: int, degrees: int, colour: tuple[int, int, int]) -> Image.Image:
    """`text` on a transparent ground, turned against the clock, cut to what is drawn."""
    left, _, right, bottom = _font(size).getbbox(text)
    flat = Image.new("RGBA", (round(right - left) + 4, round(bottom) + 4), (*colour, 0))
    ImageDraw.Draw(flat).text((2 - left, 0), text, fill=(*colour, 255), font=_font(size))
    turned = flat.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
    return turned.crop(turned.getbbox())


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own typeface."""
    font = ImageFont.load_default(size * SHARPNESS)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
