"""The rows of the miniature world's LAION and COYO: a link to every picture, and the web's usual faults among them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.miniature.captions import alt_text
from pipelines.miniature.metadata import Link
from pipelines.miniature.scenes import Encoding, Scene
from pipelines.miniature.server import HOST, Route

REFUSED_PORT = 9
"""The discard service's, on which nothing listens any more: a server that is down."""

LAION_FAULTS = (
    *(Route.MISSING,) * 3, Route.GONE, Route.BROKEN, Route.SLOW, Route.PAGE, Route.SHORT, Route.CUT, Route.MOVED,
    Route.OPT_OUT,
)  # fmt: skip
COYO_FAULTS = (
    *(Route.MISSING,) * 2, Route.GONE, Route.SLOW, Route.PAGE, Route.SHORT, Route.CUT, Route.MOVED, Route.OPT_OUT,
)  # fmt: skip
DUPLICATES = 2
"""Pictures that a set links to twice."""

SHARED = 3
"""Pictures of LAION that COYO links to as well."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file that the server has.

    Args:
        name: of the file.
        phash: perceptual hash, 16 hex digits.
    """

    scene: Scene
    name: str
    phash: str


def laion_links(base: str, pictures: Sequence[Picture], seed: int) -> list[Link]:
    """A row for every picture, a second one for some, and rows that lead nowhere; in no order.

    Args:
        base: of the server's URLs, without a slash at the end.
        pictures: those of LAION.
        seed: of the order.
    """
    bad = [
        None,
        f"http://{HOST}:{REFUSED_PORT}/{pictures[0].name}",
        f"file:///var/www/{pictures[0].name}",
        "http://",
    ]
    links = _links(base, pictures, LAION_FAULTS, bad)
    return _shuffled(links, f"laion {seed}")


def coyo_links(base: str, pictures: Sequence[Picture], laion: Sequence[Picture], seed: int) -> list[Link]:
    """As `laion_links`, with some of LAION's pictures among them and a row whose aesthetic score is not a number."""
    bad = [None, "", f"ftp://{HOST}/{pictures[0].name}", "data:image/png;base64,iVBORw0KGgo="]
    links = _links(base, pictures, COYO_FAULTS, bad)
    shared = [_link(f"{base}/{Route.IMAGES}/{picture.name}", picture) for picture in laion[:SHARED]]
    unscored = _link(f"{base}/{Route.IMAGES}/{pictures[-1].name}", pictures[-1], vividness=float("nan"))
    return _shuffled([*links[: len(pictures) - 1], unscored, *links[len(pictures) :], *shared], f"coyo {seed}")


def _links(base: str, pictures: Sequence[Picture], faults: Sequence[Route], bad: Sequence[str | None]) -> list[Link]:
    """The pictures in their order, then the rest."""
    good = [_link(f"{base}/{Route.IMAGES}/{picture.name}", picture) for picture in pictures]
    # Each fault tells its tale of another picture, and no two links are the same by accident.
    hosts = [pictures[number % len(pictures)] for number in range(len(faults))]
    faulty = [_link(f"{base}/{fault}/{picture.name}", picture) for fault, picture in zip(faults, hosts, strict=True)]
    nowhere = [_link(url, pictures[0]) for url in bad]
    return [*good, *faulty, *nowhere, *good[:DUPLICATES]]


def _link(url: str | None, picture: Picture, vividness: float | None = None) -> Link:
    scene = picture.scene
    return Link(
        url=url,
        text=alt_text(scene),
        width=scene.width,
        height=scene.height,
        phash=picture.phash,
        vividness=scene.vividness if vividness is None else vividness,
        rotated=scene.encoding is Encoding.JPEG_ROTATED,
    )


def _shuffled(links: list[Link], seed: str) -> list[Link]:
    return random.Random(seed).sample(links, len(links))
