"""Whole evaluations: images drawn in plain colours, looked at, scored, against scores worked out from the colours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.evaluation.compbench.reading import ArticleParser
from tests.training.evaluation.compbench.small_models import save_clip, save_owlv2
from tests.training.evaluation.looking import COLOURS, LookingJudge
from training.evaluation.answers import FILE as ANSWERS
from training.evaluation.compbench import Category, prompts_file, result_file
from training.evaluation.compbench.clip import ClipSimilarity
from training.evaluation.compbench.detector import Detector
from training.evaluation.compbench.images import find
from training.evaluation.compbench.rules import Rules
from training.evaluation.compbench.run import Models, evaluate
from training.evaluation.compbench.table import markdown, notes
from training.evaluation.prompt_scores import read_prompt_scores

DRAWN = {"a red cup": ["red", "red", "green"], "a red cup and a blue dog": ["blue"]}
SHARE = {
    (drawn, asked): COLOURS[drawn][list(COLOURS).index(asked)] / sum(COLOURS[drawn])
    for drawn in ("red", "green", "blue")
    for asked in ("red", "blue")
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for prompt, colours in DRAWN.items():
        for number, colour in enumerate(colours):
            image = Image.new("RGB", (16, 16), COLOURS[colour])
            image.putpixel((number, 0), (9, 9, 9))  # no two files alike
            image.save(folder / f"{prompt}_{number:06d}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    clip, owl = tmp_path_factory.mktemp("clip"), tmp_path_factory.mktemp("owl")
    save_clip(clip)
    save_owlv2(owl)
    return str(clip), str(owl)


def run(images: Path, output: Path, category: Category, models: Models, **options: Any) -> dict[str, Any]:
    rules = Rules(category=category, parser=ArticleParser(), kinds={})
    return evaluate(find(str(images)), rules, models, str(output), **options)


def test_attributes_are_scored_by_what_the_judge_sees(images: Path, tmp_path: Path) -> None:
    result = run(images, tmp_path, "color", Models(judge=LookingJudge()))
    cup = [SHARE[colour, "red"] for colour in ("red", "red", "green")]
    both = SHARE["blue", "red"] * SHARE["blue", "blue"]
    assert result["legacy"]["score"] == pytest.approx((sum(cup) + both) / 4, abs=2e-4)  # rounded to 4 decimals
    assert result["fixed"]["score"] == pytest.approx((sum(cup) / 3 + both) / 2, abs=2e-3)  # the odd pixel
    low, high = result["fixed"]["interval"]
    assert low <= result["fixed"]["score"] <= high
    assert json.loads((tmp_path / result_file("color")).read_text()) == result
    scores = read_prompt_scores(str(tmp_path / prompts_file("color")))
    assert set(scores.prompts) == set(DRAWN)
    assert set(scores.rules) == {"legacy", "fixed"}


def test_a_second_run_asks_nothing_and_gives_the_same(images: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = run(images, tmp_path, "color", Models(judge=LookingJudge(log=str(log))))
    asked = log.read_text().splitlines()
    assert sorted(asked) == sorted(["a red cup?"] * 4 + ["a blue dog?"])
    assert run(images, tmp_path, "shape", Models(judge=LookingJudge(log=str(log))))["fixed"] == first["fixed"]
    assert log.read_text().splitlines() == asked


def test_workers_change_nothing(images: Path, tmp_path: Path) -> None:
    alone = run(images, tmp_path / "1", "color", Models(judge=LookingJudge(threads=True, batch_size=1)))
    together = run(images, tmp_path / "3", "color", Models(judge=LookingJudge(threads=True, batch_size=1)), workers=3)
    assert alone == together
    assert (tmp_path / "1" / ANSWERS).read_bytes() == (tmp_path / "3" / ANSWERS).read_bytes()


def test_what_was_answered_before_an_error_is_kept(images: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(OSError, match="the judge died"):
        run(images, tmp_path, "color", Models(judge=LookingJudge(dies_at="a blue dog?", batch_size=1)))
    run(images, tmp_path, "color", Models(judge=LookingJudge(log=str(log))))
    asked = log.read_text().splitlines()
    assert 0 < len(asked) < 5


def test_a_complex_prompt_takes_all_three_models(images: Path, tmp_path: Path, folders: tuple[str, str]) -> None:
    clip, owl = ClipSimilarity(model=folders[0], device="cpu"), Detector(model=folders[1], device="cpu")
    result = run(images, tmp_path, "complex", Models(judge=LookingJudge(), detector=owl, clip=clip))
    assert set(result["models"]) == {"attributes", "cosine"}  # no prompt here tells a place
    clip.setup()
    prompt, path = "a red cup and a blue dog", images / "a red cup and a blue dog_000000.png"
    cosine = float(clip.answer([Image.open(path).convert("RGB")], [prompt])[0].text)
    pixels = np.asarray(Image.open(path), np.float64).mean((0, 1)) / np.asarray(Image.open(path)).mean((0, 1)).sum()
    scores = read_prompt_scores(str(tmp_path / prompts_file("complex")))
    (fixed,) = (one.parts["score"] for one in scores.rules["fixed"] if one.prompt_id == prompt)
    assert fixed == (pytest.approx((cosine + pixels[0] * pixels[2]) / 2, abs=1e-5), 1.0)


def test_places_are_scored_from_boxes_in_the_frame(tmp_path: Path, folders: tuple[str, str]) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a cup near a dog_000000.png")
    owl = Detector(model=folders[1], device="cpu", threshold=0.0)
    result = run(tmp_path, tmp_path / "out", "spatial", Models(judge=LookingJudge(), detector=owl))
    assert set(result["models"]) == {"spatial"}
    assert 0 <= result["fixed"]["score"] <= 1
    said = "\n".join(notes(result, 10))
    assert "not of UniDet" in said
    assert "1 images of 1 prompts; the benchmark has 10 a prompt" in said


def test_a_judge_without_probabilities_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a cup_000000.png")
    with pytest.raises(ValueError, match="the judge gives no probabilities"):
        run(tmp_path, tmp_path / "out", "color", Models(judge=LookingJudge()))


def test_the_table_has_a_row_for_each_rule_that_is_asked_for(images: Path, tmp_path: Path) -> None:
    result = run(images, tmp_path, "texture", Models(judge=LookingJudge()))
    legacy = markdown(result, rules=("legacy",))
    assert f"| legacy | {result['legacy']['score']:.4f} |" in legacy
    assert "fixed" not in legacy
    assert f"| fixed | {result['fixed']['score']:.4f} |" in markdown(result, rules=("legacy", "fixed"))


def test_notes_say_what_is_missing_and_what_says_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "green_000000.png")
    (tmp_path / "a red cup_000000.png").write_bytes(b"broken")
    drawings = find(str(tmp_path), ["green", "a red cup", "a dog"], allow_missing=True)
    rules = Rules(category="color", parser=ArticleParser(), kinds={})
    result = evaluate(drawings, rules, Models(judge=LookingJudge()), str(tmp_path / "out"))
    said = "\n".join(notes(result, 1))
    assert "No image to judge for 2, which score 0 in `fixed` and are left out of `legacy`: 'a dog'" in said
    assert "1 prompts give nothing to judge by and are left out of `fixed`: 'green'" in said
    assert "found by articles" in said
    assert result["fixed"] == {"score": 0.0, "interval": [0.0, 0.0], "prompts": 2}
    assert result["legacy"]["score"] == 1.0  # nothing to ask for is right, to the published script
