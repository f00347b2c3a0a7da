"""mPLUG where modelscope is not installed, and the way to it where it is."""

import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image

from training.evaluation.judges import MPlugJudge

PIPELINE = '''
class Darkness:
    """Answers by the image's grey level, as a pipeline of modelscope is called."""

    def __init__(self, task, model, device, model_revision):
        assert task == "visual-question-answering"
        self.name = (model, device, model_revision)

    def __call__(self, inputs):
        level = inputs["image"].getpixel((0, 0))
        return {"text": f"{inputs['question']} {level} {self.name}"}


def pipeline(task, model=None, device="gpu", model_revision=None):
    return Darkness(task, model, device, model_revision)
'''


def test_without_modelscope_one_line_says_what_to_do() -> None:
    assert importlib.util.find_spec("modelscope") is None
    with pytest.raises(ValueError, match="pip install modelscope") as caught:
        MPlugJudge().setup()
    assert "\n" not in str(caught.value)


def test_with_modelscope_every_question_goes_through_its_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in package of the same layout, which answers by what it is shown."""
    package = tmp_path / "modelscope"
    (package / "utils").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "utils" / "__init__.py").write_text("")
    (package / "utils" / "constant.py").write_text(
        "class Tasks:\n    visual_question_answering = 'visual-question-answering'\n"
    )
    (package / "pipelines.py").write_text(PIPELINE)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        judge = MPlugJudge(device="cpu", revision="v1")
        judge.setup()
        answers = judge.answer([Image.new("L", (4, 4), level) for level in (10, 20)], ["a?", "b?"])
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "modelscope"]:
            del sys.modules[name]
    stamp = "('damo/mplug_visual-question-answering_coco_large_en', 'cpu', 'v1')"
    assert [answer.text for answer in answers] == [f"a? (10, 10, 10) {stamp}", f"b? (20, 20, 20) {stamp}"]
    assert [answer.yes for answer in answers] == [None, None]
