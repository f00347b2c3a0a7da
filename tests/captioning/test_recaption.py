"""Recaptioning a shard: who is asked, what is written, what becomes of bad images."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioning.captioner import Caption, Captioner
from captioning.cogvlm import CogVLMCaptioner
from captioning.recaption import PROMPT, Recaption
from curation import storage
from curation.dataset import Dataset
from curation.manifest import settings_of
from tests.captioning.cogvlm.tiny import random_model, save_tokenizer, small_config
from tests.captioning.shards import SHARD, jpeg, write_selection, write_shard


@dataclass(kw_only=True)
class ColourCaptioner(Captioner):
    """Says which channel of an image is the brightest; of a black image, nothing."""

    model: str = "colour-1"
    batches: list[int] = field(default_factory=list, init=False)
    ready: bool = field(default=False, init=False)

    def setup(self) -> None:
        self.ready = True

    def caption(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> list[Caption]:
        assert self.ready
        assert {image.mode for image in images} == {"RGB"}
        assert set(prompts) == {PROMPT}
        self.batches.append(len(images))
        return [self._describe(np.asarray(image).mean((0, 1))) for image in images]

    def _describe(self, mean: np.ndarray) -> Caption:
        if mean.max() < 10:
            return Caption(text=" \n", finish_reason="stop", tokens=1)
        colour = ("red", "green", "blue")[int(mean.argmax())]
        return Caption(text=f"All  of it\nis {colour}. ", finish_reason="length", tokens=5)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "dataset"))


def recaption(dataset: Dataset, captioner: Captioner, **settings: int) -> tuple[list[dict[str, object]], object]:
    stage = Recaption(captioner=captioner, name="test", **settings)
    stage.check(dataset)
    stage.setup()
    result = stage.process(dataset, SHARD)
    return storage.read_table(stage.output(dataset, SHARD)).to_pylist(), result


def test_every_kept_image_is_described(dataset: Dataset) -> None:
    write_shard(dataset, {"a": jpeg((200, 0, 0)), "b": jpeg((0, 200, 0)), "c": jpeg((0, 0, 200))}, dropped=("b",))
    rows, result = recaption(dataset, ColourCaptioner())
    assert rows == [
        {
            "key": key,
            "sample_id": f"id-{key}",
            "caption": f"All of it is {colour}.",
            "raw_caption": f"All  of it\nis {colour}. ",
            "finish_reason": "length",
            "retries": 0,
            "tokens": 5,
            "flags": [],
            "prompt": PROMPT,
            "model": "colour-1",
        }
        for key, colour in (("a", "red"), ("c", "blue"))
    ]
    assert (result.rows, result.kept, result.rejects) == (2, 2, {})


def test_what_has_no_caption_has_a_reason(dataset: Dataset) -> None:
    red = jpeg((200, 0, 0))
    images = {"a": b"no image", "b": red[: len(red) // 2], "c": jpeg(0), "d": red}
    write_shard(dataset, images)
    write_selection(dataset, [*images, "e"])  # e is not in the tar
    rows, result = recaption(dataset, ColourCaptioner())
    assert [(row["key"], row["caption"], row["flags"]) for row in rows] == [
        ("a", None, ["undecodable"]),
        ("b", None, ["undecodable"]),
        ("c", None, ["empty_caption"]),
        ("d", "All of it is red.", []),
        ("e", None, ["missing_member"]),
    ]
    assert [row["raw_caption"] for row in rows] == [None, None, " \n", "All  of it\nis red. ", None]
    assert (result.rows, result.kept) == (5, 1)
    assert result.rejects == {"undecodable": 2, "empty_caption": 1, "missing_member": 1}


def test_batches_are_full_but_the_last(dataset: Dataset) -> None:
    images = {f"{index:02d}": jpeg((index, 0, 0)) for index in range(20, 31)}
    write_shard(dataset, {**images, "25": b"no image"}, dropped=("20", "21"))
    captioner = ColourCaptioner()
    rows, _ = recaption(dataset, captioner, batch_size=3)
    assert captioner.batches == [3, 3, 2]
    assert [row["key"] for row in rows] == [f"{index}" for index in range(22, 31)]


def test_images_of_other_modes_come_as_rgb(dataset: Dataset) -> None:
    cmyk = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(cmyk, "JPEG")
    write_shard(dataset, {"a": jpeg(120), "b": cmyk.getvalue()})
    rows, _ = recaption(dataset, ColourCaptioner())
    assert rows[1]["caption"] == "All of it is red."


def test_a_shard_with_nothing_kept_is_an_empty_table_and_nobody_is_asked(dataset: Dataset) -> None:
    write_selection(dataset, ["a"], dropped=("a",))
    captioner = ColourCaptioner()
    rows, result = recaption(dataset, captioner)
    assert rows == []
    assert captioner.batches == []
    assert (result.rows, result.kept, result.rejects) == (0, 0, {})


def test_a_broken_tar_is_named(dataset: Dataset) -> None:
    write_shard(dataset, {"a": jpeg((200, 0, 0))})
    with storage.atomic_writer(dataset.image_tar(SHARD)) as file:
        file.write(b"no tar" * 1000)
    with pytest.raises(ValueError, match=f"{dataset.image_tar(SHARD)}: not a whole tar"):
        recaption(dataset, ColourCaptioner())
    assert not storage.exists(dataset.captions("test", SHARD))


@pytest.mark.parametrize("v2", [False, True], ids=["v1", "v2"])
def test_cogvlm_writes_the_same_file_for_every_batch_size(dataset: Dataset, tmp_path: Path, *, v2: bool) -> None:
    random_model(small_config(v2=v2)).save_pretrained(tmp_path / "model")
    save_tokenizer(tmp_path / "tokenizer")
    write_shard(dataset, {f"{index}": jpeg((index * 25, 255 - index * 20, index * 7)) for index in range(7)})
    files = []
    for batch_size in (1, 3, 7):
        captioner = CogVLMCaptioner(
            model=str(tmp_path / "model"), tokenizer=str(tmp_path / "tokenizer"), dtype="float32", max_new_tokens=8
        )
        _, result = recaption(dataset, captioner, batch_size=batch_size)
        assert (result.rows, result.kept) == (7, 7)
        files.append(Path(dataset.captions("test", SHARD)).read_bytes())
    assert len(set(files)) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "../scores"}, r"name is '\.\./scores'"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"captioner": CogVLMCaptioner(model="/nowhere")}, r"/nowhere/config\.json: no such file"),
    ],
)
def test_check_refuses_what_cannot_work(dataset: Dataset, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recaption(**{"captioner": ColourCaptioner(), "name": "test", **settings}).check(dataset)


def test_what_decides_the_captions_is_a_setting_and_what_does_not_is_none() -> None:
    stage = Recaption(captioner=CogVLMCaptioner(model="folder"), name="cogvlm")
    assert stage.folder == "captions/cogvlm"
    assert stage.resources.gpus == 1
    assert settings_of(stage) == {
        "class": "Recaption",
        "captioner": {
            "class": "CogVLMCaptioner",
            "model": "folder",
            "tokenizer": None,
            "template": None,
            "max_new_tokens": 160,
            "dtype": "bfloat16",
        },
        "name": "cogvlm",
        "prompt": "Describe this image in detail, and the description should be between 15 to 80 words.",
    }
