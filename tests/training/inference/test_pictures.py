"""Names and seeds: what benchmarks look for, and what an image depends on."""

import pytest

from training.errors import SettingsError
from training.inference.pictures import ONE_IMAGE, Grid, Naming, Picture, image_seed, plan_pictures
from training.inference.prompts import Prompt, numbered

PROMPTS = [Prompt(name="COCOval_1", text="a red ball"), Prompt(name="localized2", text="a blue box")]


def plan(
    prompts: list[Prompt] = PROMPTS, images: int = 1, grid: Grid = ONE_IMAGE, naming: Naming = "id", seed: int = 0
) -> list[Picture]:
    return plan_pictures(prompts, images=images, grid=grid, naming=naming, seed=seed)


def test_dpg_bench_gets_one_grid_named_after_each_item() -> None:
    pictures = plan(grid=Grid.parse("2x2"))
    assert [picture.file for picture in pictures] == ["COCOval_1.png", "localized2.png"]
    assert [picture.prompt for picture in pictures] == PROMPTS
    assert all(len(set(picture.seeds)) == 4 for picture in pictures)


def test_t2i_compbench_gets_prompts_as_names_numbered_through() -> None:
    files = [picture.file for picture in plan(images=2, naming="prompt")]
    assert files == [
        "a red ball_000000.png", "a red ball_000001.png", "a blue box_000002.png", "a blue box_000003.png",
    ]  # fmt: skip


def test_several_images_of_an_id_are_numbered() -> None:
    assert [picture.file for picture in plan(images=2)][:2] == ["COCOval_1_0.png", "COCOval_1_1.png"]


def test_the_images_are_the_same_however_they_are_filed() -> None:
    grid = plan(grid=Grid.parse("2x2"))[1].seeds
    assert grid == tuple(picture.seeds[0] for picture in plan(images=4)[4:])
    assert grid == tuple(picture.seeds[0] for picture in plan(PROMPTS[1:], images=4, naming="prompt"))


def test_a_seed_depends_on_seed_prompt_and_number() -> None:
    seeds = {image_seed(*place) for place in [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "0/a", 1)]}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert image_seed(0, "a red ball", 0) == 91378308962519908


@pytest.mark.parametrize("text", ["2", "2x", "0x2", "2x-1", "2 x 2", "2x2x2", ""])
def test_a_grid_is_rows_and_columns(text: str) -> None:
    with pytest.raises(SettingsError, match="expected ROWSxCOLUMNS"):
        Grid.parse(text)
    assert (Grid.parse("3x2").rows, Grid.parse("3x2").columns, Grid.parse("3x2").images) == (3, 2, 6)


@pytest.mark.parametrize("name", ["a/b", "../x", "a\\b", ".hidden", "n" * 252, "new\nline", "nul\0"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of a file"):
        plan([Prompt(name=name, text="a")])


def test_prompts_that_cannot_be_names_are_refused() -> None:
    with pytest.raises(SettingsError, match="reads a prompt up to the first _"):
        plan(numbered(["a snake_case ball"]), naming="prompt")
    with pytest.raises(SettingsError, match="cannot be the name of a file"):
        plan(numbered(["a ball " * 50]), naming="prompt")


def test_two_prompts_cannot_share_a_file() -> None:
    with pytest.raises(SettingsError, match=r"two prompts would be called A\.png"):
        plan([Prompt(name="a", text="one"), Prompt(name="A", text="two")])
    with pytest.raises(SettingsError, match=r"two prompts would be called a_1_0\.png"):
        plan([Prompt(name="a_1", text="one"), Prompt(name="a_1", text="two")], images=2)
