"""Stamps: what is compared, and how both sides are named."""

import functools
from pathlib import Path
from typing import Any

import pytest

from training.cache.stamps import asked_latents, asked_text, latents_stamp, require_match, text_stamp
from training.captions import CaptionMixture
from training.errors import SettingsError

MIXTURE = CaptionMixture()


class Model:
    def __init__(self, path: str, length: int = 128, attend_to_padding: bool = True) -> None: ...


def call(kind: Any, *args: Any, **options: Any) -> Any:
    """Stands for jsonargparse's own function in the partials that it makes."""
    return kind(*args, **options)


@pytest.mark.parametrize(
    "factory",
    [
        functools.partial(Model, "t5", 77),
        functools.partial(Model, path="t5", length=77),
        functools.partial(call, Model, path="t5", length=77, attend_to_padding=True),
    ],
)
def test_a_factory_tells_its_settings(factory: object) -> None:
    assert asked_text(factory, MIXTURE) == text_stamp(model="t5", length=77, attend_to_padding=True, captions=MIXTURE)
    assert asked_latents(factory, 512) == latents_stamp(model="t5", resolution=512)


@pytest.mark.parametrize("factory", [lambda: Model("t5"), None, functools.partial(call)])
def test_of_other_factories_nothing_is_asked_but_what_the_data_says(factory: object) -> None:
    assert asked_text(factory, MIXTURE) == {"kind": "text", "captions": {"caption": 1.0}}
    assert asked_latents(factory, 512) == {"kind": "latents", "resolution": 512, "crop": "center"}


def test_more_in_a_stamp_than_is_asked_for_does_not_matter() -> None:
    made = {"kind": "text", "precision": "bfloat16"}
    require_match("x", made, {"kind": "text"})
    with pytest.raises(SettingsError, match="precision is bfloat16 there and float16 here"):
        require_match("x", made, {"kind": "text", "precision": "float16"})


def test_weights_count_where_both_sides_know_them_and_paths_elsewhere() -> None:
    there = {"model": "a", "revision": "1"}
    require_match("x", there, {"model": "b", "revision": "1"})
    require_match("x", there, {"model": "a", "revision": None})
    with pytest.raises(SettingsError, match=r"model is a \(1\) there and a \(2\) here"):
        require_match("x", there, {"model": "a", "revision": "2"})
    with pytest.raises(SettingsError, match="model is a there and b here"):
        require_match("x", there, {"model": "b", "revision": None})


def test_all_differences_are_named() -> None:
    with pytest.raises(SettingsError, match=r"^set/latents: .* crop is center there and None here; resolution is 1"):
        require_match("set/latents", {"crop": "center", "resolution": 1}, {"crop": None, "resolution": 2})


def test_a_vae_is_known_by_its_weights(tmp_path: Path) -> None:
    for name, weights in (("one", b"1"), ("two", b"1"), ("three", b"2")):
        (tmp_path / name / "vae").mkdir(parents=True)
        (tmp_path / name / "vae" / "x.safetensors").write_bytes(weights)
    one, two, three = (latents_stamp(model=str(tmp_path / name), resolution=8) for name in ("one", "two", "three"))
    require_match("x", one, two)
    with pytest.raises(SettingsError, match="model is"):
        require_match("x", one, three)
