"""Captions are true and dense; alt-texts are neither."""

import pytest

from pipelines.miniature.captions import alt_text, dense_caption, prompt
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.scenes import COLOURS, GREY_ENCODINGS, GREYS, Encoding, Relation

SCENES = make_scenes(400, seed=2)


def test_a_dense_caption_has_30_to_70_words() -> None:
    lengths = [len(dense_caption(scene).split()) for scene in SCENES]
    assert min(lengths) >= 30
    assert max(lengths) <= 70
    assert 45 < sum(lengths) / len(lengths) < 60


def test_it_names_every_thing_the_relation_and_the_background() -> None:
    for scene in SCENES:
        caption = dense_caption(scene)
        assert scene.background.description in caption
        assert f"{scene.first.phrase} {scene.relation} a" in caption
        for thing in scene.things:
            assert thing.phrase in caption


def test_it_names_no_third_thing_where_there_is_none() -> None:
    for scene in SCENES:
        assert ("corner" in dense_caption(scene)) == (scene.extra is not None)


@pytest.mark.parametrize(
    ("relation", "opposite", "axis", "near", "far"),
    [
        (Relation.LEFT_OF, Relation.RIGHT_OF, "x", "is on the left side", "on the right."),
        (Relation.ABOVE, Relation.BELOW, "y", "is in the upper half", "in the lower half."),
    ],
)
def test_the_position_sentence_agrees_with_the_positions(
    relation: Relation, opposite: Relation, axis: str, near: str, far: str
) -> None:
    checked = 0
    for scene in SCENES:
        if scene.relation not in (relation, opposite):
            continue
        low, high = sorted((scene.first, scene.second), key=lambda thing: getattr(thing, axis))
        assert f"The {low.shape} {near} and the {high.shape} {far}" in dense_caption(scene)
        checked += 1
    assert checked > 50


def test_the_side_of_what_is_in_front_agrees_with_the_positions() -> None:
    for scene in SCENES:
        if scene.relation is Relation.BEHIND:
            side = "left" if scene.second.x < scene.first.x else "right"
            assert f"The {scene.second.shape} is in front, more to the {side}," in dense_caption(scene)


def test_the_corner_agrees_with_the_position() -> None:
    for scene in SCENES:
        if scene.extra is not None:
            rows, columns = ("upper", "lower"), ("left", "right")
            corner = f"in the {rows[round(scene.extra.y)]} {columns[round(scene.extra.x)]} corner"
            assert corner in dense_caption(scene)


def test_a_picture_without_colour_is_said_to_be_one_and_no_hue_is_named() -> None:
    hues = set(COLOURS) - set(GREYS)
    for scene in SCENES:
        caption = dense_caption(scene)
        assert caption.startswith("A black-and-white picture") == (scene.encoding in GREY_ENCODINGS)
        if scene.encoding in GREY_ENCODINGS:
            assert not hues & set(caption.replace(".", "").split())


def test_no_shadow_is_claimed_where_none_is_drawn() -> None:
    flat = [scene for scene in SCENES if scene.encoding is Encoding.PNG_ALPHA]
    assert flat
    assert not any("shadow" in dense_caption(scene) for scene in flat)


def test_alt_texts_are_short_and_sometimes_empty_or_missing() -> None:
    texts = [alt_text(scene) for scene in SCENES]
    words = [len(text.split()) for text in texts if text]
    assert sum(words) / len(words) < 15
    assert None in texts
    assert "" in texts
    assert any(text and text.endswith(".JPG") for text in texts)
    assert texts == [alt_text(scene) for scene in make_scenes(400, seed=2)]


def test_a_prompt_names_what_is_wanted_and_carries_flags() -> None:
    for scene in SCENES[:20]:
        assert scene.first.phrase in prompt(scene)
        assert f"--ar {scene.width}:{scene.height}" in prompt(scene)
