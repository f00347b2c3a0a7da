from pathlib import Path

import pytest
from PIL import Image

from training.evaluation.compbench.images import find


def save(folder: Path, *names: str) -> None:
    for name in names:
        Image.new("RGB", (8, 6), "red").save(folder / name)


def test_images_are_grouped_by_prompt_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    save(tmp_path, "a red cup._000001.png", "a dog_000000.png", "a red cup._000000.png")
    (tmp_path / "notes.txt").write_text("no image")
    drawings = find(str(tmp_path))
    paths = {prompt: [Path(one.picture.path).name for one in images] for prompt, images in drawings.by_prompt.items()}
    assert paths == {"a dog": ["a dog_000000.png"], "a red cup.": ["a red cup._000000.png", "a red cup._000001.png"]}


def test_the_published_scripts_take_a_name_up_to_its_first_underscore_for_the_prompt(tmp_path: Path) -> None:
    save(tmp_path, "a snake_case sign_000002.png")
    ((drawing,),) = find(str(tmp_path)).by_prompt.values()
    assert (drawing.prompt, drawing.published_prompt) == ("a snake_case sign", "a snake")


def test_only_the_prompts_that_are_given_count(tmp_path: Path) -> None:
    save(tmp_path, "a cup_000000.png", "a dog_000000.png")
    assert list(find(str(tmp_path), ["a dog"]).by_prompt) == ["a dog"]


def test_what_is_missing_is_named_or_listed_where_that_is_allowed(tmp_path: Path) -> None:
    save(tmp_path, "a cup_000000.png")
    (tmp_path / "a cup_000001.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no image to judge for 'a dog', .*a cup_000001.png \(cannot be read\)"):
        find(str(tmp_path), ["a cup", "a dog"])
    drawings = find(str(tmp_path), ["a cup", "a dog"], allow_missing=True)
    assert drawings.undrawn == ["a dog"]
    assert [Path(path).name for path in drawings.unreadable] == ["a cup_000001.png"]
    assert [Path(one.picture.path).name for one in drawings.readable] == ["a cup_000000.png"]


def test_names_that_are_no_prompt_with_a_number_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images there"):
        find(str(tmp_path))
    save(tmp_path, "a cup_000000.png", "a cup_1.png")
    with pytest.raises(ValueError, match=r"a cup_1\.png: expected names like"):
        find(str(tmp_path))
