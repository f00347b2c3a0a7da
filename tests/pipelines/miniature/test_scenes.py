"""The vocabulary of scenes: colours that can be told apart, things that name themselves."""

import math
from itertools import combinations

import pytest

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.scenes import BACKGROUNDS, COLOURS, Relation, Shape, Texture, Thing


def test_named_colours_are_far_apart() -> None:
    assert min(math.dist(one, other) for one, other in combinations(COLOURS.values(), 2)) > 60


def test_backgrounds_clash_with_known_colours_and_leave_enough() -> None:
    for background in BACKGROUNDS:
        assert set(background.clashes) <= COLOURS.keys()
        assert len(COLOURS.keys() - set(background.clashes)) >= 3


@pytest.mark.parametrize(
    ("texture", "radius", "phrase"),
    [
        (Texture.SOLID, 0.2, "large smooth red heart"),
        (Texture.STRIPED, 0.17, "red heart with blue stripes"),
        (Texture.DOTTED, 0.08, "small red heart covered in blue dots"),
        (Texture.CHECKED, 0.2, "large red heart with blue checks"),
        (Texture.RINGED, 0.17, "red heart with blue rings"),
        (Texture.SPECKLED, 0.08, "small red heart sprinkled with blue specks"),
    ],
)
def test_a_phrase_names_size_colour_shape_and_texture(texture: Texture, radius: float, phrase: str) -> None:
    thing = Thing(shape=Shape.HEART, colour="red", accent="blue", texture=texture, x=0.5, y=0.5, radius=radius)
    assert thing.phrase == phrase


def test_what_is_behind_is_painted_first_and_what_is_inside_last() -> None:
    scenes = [scene for scene in make_scenes(80, seed=0) if scene.extra is None]
    for scene in scenes:
        behind = scene.relation is Relation.BEHIND
        assert scene.things == ([scene.first, scene.second] if behind else [scene.second, scene.first])
