"""Scenes are what their fields say: things lie where the relation has them, apart, inside the picture."""

import math
from collections import Counter

import pytest

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.scenes import BROAD, COLOURS, GREY_ENCODINGS, GREYS, ROOMY, Encoding, Relation, Scene, Thing

SCENES = make_scenes(400, seed=0)


def _of(relation: Relation) -> list[Scene]:
    return [scene for scene in SCENES if scene.relation is relation]


def _distance(scene: Scene, one: Thing, other: Thing) -> float:
    """In short edges, as radii are."""
    across = (one.x - other.x) * scene.width / scene.short_edge
    down = (one.y - other.y) * scene.height / scene.short_edge
    return math.hypot(across, down)


def test_a_longer_world_begins_with_the_same_scenes() -> None:
    assert make_scenes(5, seed=7) == make_scenes(9, seed=7)[:5]
    assert make_scenes(5, seed=7) != make_scenes(5, seed=8)


@pytest.mark.parametrize(("relation", "axis", "sign"), [
    (Relation.LEFT_OF, "x", 1), (Relation.RIGHT_OF, "x", -1), (Relation.ABOVE, "y", 1), (Relation.BELOW, "y", -1),
])  # fmt: skip
def test_things_side_by_side_lie_in_opposite_halves_and_apart(relation: Relation, axis: str, sign: int) -> None:
    for scene in _of(relation):
        first, second = getattr(scene.first, axis), getattr(scene.second, axis)
        assert sign * (first - 0.5) < 0 < sign * (second - 0.5)
        assert _distance(scene, scene.first, scene.second) > scene.first.radius + scene.second.radius


def test_a_thing_inside_another_lies_within_its_outline_and_off_its_centre() -> None:
    for scene in _of(Relation.INSIDE):
        apart = _distance(scene, scene.first, scene.second)
        assert scene.second.shape in ROOMY
        assert apart + scene.first.radius < 0.7 * scene.second.radius  # the narrowest of them, a square: 0.707
        assert apart > scene.first.radius


def test_a_thing_behind_another_is_covered_in_part_and_not_at_its_centre() -> None:
    for scene in _of(Relation.BEHIND):
        apart = _distance(scene, scene.first, scene.second)
        assert {scene.first.shape, scene.second.shape} <= set(BROAD)
        assert scene.second.radius < apart < 0.7 * (scene.first.radius + scene.second.radius)
        assert scene.things[:2] == [scene.first, scene.second]


def test_the_extra_thing_is_in_a_corner_and_touches_no_other() -> None:
    extras = [scene for scene in SCENES if scene.extra is not None]
    assert len(extras) > 100
    for scene in extras:
        assert scene.extra is not None
        assert abs(scene.extra.x - 0.5) > 0.3
        assert abs(scene.extra.y - 0.5) > 0.3
        for other in (scene.first, scene.second):
            assert _distance(scene, scene.extra, other) > scene.extra.radius + other.radius


def test_everything_is_within_the_picture() -> None:
    for scene in SCENES:
        for thing in scene.things:
            for centre, side in ((thing.x, scene.width), (thing.y, scene.height)):
                margin = thing.radius * scene.short_edge / side
                assert margin <= centre <= 1 - margin


def test_things_can_be_told_apart_and_stand_out() -> None:
    for scene in SCENES:
        shapes = [thing.shape for thing in scene.things]
        assert len(set(shapes)) == len(shapes)
        assert scene.first.colour != scene.second.colour
        for thing in scene.things:
            assert thing.colour != thing.accent
            assert thing.colour not in scene.background.clashes


def test_pictures_without_colour_hold_none() -> None:
    grey = [scene for scene in SCENES if scene.encoding in GREY_ENCODINGS]
    assert grey
    for scene in grey:
        assert scene.background.grey
        assert scene.vividness <= 0.3
        assert {thing.colour for thing in scene.things} | {thing.accent for thing in scene.things} <= set(GREYS)


def test_a_score_of_scenes_has_every_encoding_and_a_hundred_most_colours() -> None:
    assert {scene.encoding for scene in SCENES[:20]} == set(Encoding)
    assert {scene.first.colour for scene in SCENES[:100]} >= set(COLOURS) - {"grey"}


def test_sizes_and_vividness_are_spread() -> None:
    large = sum(scene.short_edge >= 512 for scene in SCENES) / len(SCENES)
    assert 0.65 < large < 0.85
    assert all(300 <= scene.short_edge <= max(scene.width, scene.height) <= 960 for scene in SCENES)
    thirds = Counter(min(2, int(scene.vividness * 3)) for scene in SCENES)
    assert min(thirds.values()) > 80
