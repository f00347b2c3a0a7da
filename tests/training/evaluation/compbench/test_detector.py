from pathlib import Path

import pytest
from PIL import Image

from tests.training.evaluation.compbench.small_models import save_clip, save_owlv2
from training.evaluation.compbench.detector import Detector, boxes, question

IMAGE = Image.linear_gradient("L").resize((64, 48)).convert("RGB")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    folder = tmp_path_factory.mktemp("owl")
    save_owlv2(folder)
    detector = Detector(model=str(folder), device="cpu", threshold=0.0)
    detector.setup()
    return detector


def test_boxes_are_of_the_things_that_were_asked_for_the_surest_first(detector: Detector) -> None:
    (answer,) = detector.answer([IMAGE], [question(["cup", "dog", "cup"])])
    found = boxes(answer.text)
    assert len(found) == 16  # a random detector sees something in each of the 16 patches
    assert {box.label for box in found} <= {"cup", "dog"}
    scores = [box.score for box in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_boxes_are_in_pixels_of_the_image(detector: Detector) -> None:
    small, large = (
        boxes(detector.answer([IMAGE.resize(size, Image.Resampling.NEAREST)], ["cup"])[0].text)
        for size in ((64, 64), (128, 128))
    )
    for one, other in zip(small, large, strict=True):
        assert other.center == pytest.approx([2 * value for value in one.center], abs=1.5)


def test_an_answer_does_not_depend_on_the_others(detector: Detector) -> None:
    other = Image.new("RGB", (32, 64), "blue")
    together = detector.answer([IMAGE, other], ["cup; dog", "dog"])
    assert together == [detector.answer([IMAGE], ["cup; dog"])[0], detector.answer([other], ["dog"])[0]]


def test_the_threshold_leaves_out_what_is_unsure(detector: Detector) -> None:
    everything = boxes(detector.answer([IMAGE], ["cup"])[0].text)
    middle = everything[len(everything) // 2].score
    stricter = Detector(model=detector.model, device="cpu", threshold=middle)
    stricter.setup()
    kept = boxes(stricter.answer([IMAGE], ["cup"])[0].text)
    assert kept == [box for box in everything if box.score > middle]


def test_a_model_that_is_no_detector_is_named(tmp_path: Path) -> None:
    save_clip(tmp_path)
    with pytest.raises(ValueError, match="is a clip: expected one of owlvit, owlv2"):
        Detector(model=str(tmp_path)).setup()


@pytest.mark.parametrize(
    ("settings", "message"), [({"prompt": "thing"}, "expected {thing}"), ({"threshold": 1.0}, "less than 1")]
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detector(**settings).check()  # type: ignore[arg-type]
