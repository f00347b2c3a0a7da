"""Links lead to every picture once, and to each of the web's faults."""

import math
from collections import Counter
from urllib.parse import urlsplit

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.links import Picture, coyo_links, laion_links
from pipelines.miniature.metadata import Link
from pipelines.miniature.scenes import Encoding

BASE = "http://127.0.0.1:20000"
PICTURES = [Picture(scene=scene, name=f"{scene.index:05d}.jpg", phash="0" * 16) for scene in make_scenes(32, seed=0)]
LAION = laion_links(BASE, PICTURES[:16], seed=0)
COYO = coyo_links(BASE, PICTURES[16:], PICTURES[:16], seed=0)


def _routes(links: list[Link]) -> Counter[str]:
    return Counter(
        urlsplit(link.url).path.split("/")[1] for link in links if link.url and link.url.startswith(f"{BASE}/")
    )


def _named(links: list[Link], pictures: list[Picture]) -> list[int]:
    urls = Counter(link.url for link in links)
    return [urls[f"{BASE}/images/{picture.name}"] for picture in pictures]


def test_laion_links_to_every_picture_and_twice_to_some() -> None:
    assert Counter(_named(LAION, PICTURES[:16])) == {1: 14, 2: 2}
    assert sum(_named(LAION, PICTURES[16:])) == 0


def test_coyo_shares_pictures_with_laion() -> None:
    assert Counter(_named(COYO, PICTURES[16:])) == {1: 14, 2: 2}
    assert _named(COYO, PICTURES[:16]) == [1, 1, 1] + [0] * 13


def test_every_fault_is_there_and_slow_ones_are_rare() -> None:
    faults = {"gone": 1, "slow": 1, "page": 1, "short": 1, "cut": 1, "moved": 1, "opt-out": 1}
    assert _routes(LAION) == {"images": 18, "missing": 3, "broken": 1, **faults}
    assert _routes(COYO) == {"images": 21, "missing": 2, **faults}


def test_some_urls_lead_nowhere() -> None:
    for links, expected in ((LAION, {None, "http://"}), (COYO, {None, ""})):
        assert expected <= {link.url for link in links}
    others = [link.url for link in (*LAION, *COYO) if link.url and not link.url.startswith(BASE)]
    assert {url.partition(":")[0] for url in others} == {"http", "file", "ftp", "data"}


def test_one_coyo_row_has_no_score_and_its_picture_is_linked_to_once() -> None:
    unscored = [link for link in COYO if math.isnan(link.vividness)]
    assert [link.url for link in unscored] == [f"{BASE}/images/{PICTURES[-1].name}"]
    assert not any(math.isnan(link.vividness) for link in LAION)


def test_rotation_is_told_where_there_is_one() -> None:
    turned = {picture.name for picture in PICTURES if picture.scene.encoding is Encoding.JPEG_ROTATED}
    assert turned
    for link in (*LAION, *COYO):
        if link.url and "/images/" in link.url:
            assert link.rotated == (link.url.rpartition("/")[2] in turned)


def test_rows_are_mixed_and_the_mix_is_the_seeds() -> None:
    assert laion_links(BASE, PICTURES[:16], seed=0) == LAION
    assert laion_links(BASE, PICTURES[:16], seed=1) != LAION
    assert sorted(map(repr, laion_links(BASE, PICTURES[:16], seed=1))) == sorted(map(repr, LAION))
