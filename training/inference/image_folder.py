"""A folder of images that knows how they were made: it is gone on with, and never mixed with others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from curation import storage
from curation.manifest import differences
from training.errors import SettingsError
from training.inference.pictures import Picture

SETTINGS = "settings.json"
METADATA = "metadata.jsonl"
_RECORD = "generated"
"""Of the PNG's text that says which prompt and seeds it was made from."""


class ImageFolder:
    """PNG files, `settings.json` with what all were made under, and `metadata.jsonl` with a line for each file.

    The metadata has the layout that `datasets.load_dataset("imagefolder")` reads.

    Args:
        root: the folder, local or any fsspec URL; made if need be.
        settings: what an image depends on beside its prompt and seeds, as JSON.
        notes: what else to write down, which may change: where the models lay.
    """

    def __init__(self, root: str, settings: Mapping[str, Any], notes: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self._settings = dict(settings)
        self._notes = dict(notes or {})

    def open(self) -> None:
        """Write the settings down.

        Raises:
            SettingsError: images are there that were made under other settings; names those that differ.
        """
        path = storage.join(self.root, SETTINGS)
        if storage.names(self.root, ".png"):
            self._compare(path)
        storage.write_json(path, {"settings": self._settings, "notes": self._notes})

    def missing(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Those of `pictures` that are not there whole.

        Raises:
            SettingsError: a file of that name was made from another prompt or other seeds.
        """
        there = set(storage.names(self.root, ".png"))
        return [picture for picture in pictures if picture.file not in there or not self._whole(picture)]

    def write(self, picture: Picture, image: Image.Image) -> None:
        """Write one file, whole or not at all."""
        text = PngInfo()
        text.add_itxt(_RECORD, json.dumps(_origin(picture), ensure_ascii=False))
        with storage.atomic_writer(storage.join(self.root, picture.file)) as file:
            image.save(file, "PNG", pnginfo=text)

    def write_metadata(self, pictures: Sequence[Picture]) -> None:
        """Describe those of `pictures` that are there."""
        there = set(storage.names(self.root, ".png"))
        lines = (
            json.dumps({**_line(picture), **self._settings, **self._notes}, ensure_ascii=False)
            for picture in pictures
            if picture.file in there
        )
        storage.write_text(storage.join(self.root, METADATA), "".join(f"{line}\n" for line in lines))

    def _compare(self, path: str) -> None:
        if not storage.exists(path):
            raise SettingsError(f"{self.root}: images without a {SETTINGS} that says how they were made; take another")
        changed = differences(storage.read_json(path)["settings"], self._settings)
        if changed:
            raise SettingsError(
                f"{self.root}: the images there were made with other settings ({'; '.join(changed)}); take another "
                "folder, or delete this one"
            )

    def _whole(self, picture: Picture) -> bool:
        path = storage.join(self.root, picture.file)
        try:
            with storage.open_read(path) as file, Image.open(file) as image:
                record = image.info.get(_RECORD)
                image.verify()  # checksums, to the end of the file
        except (OSError, SyntaxError):  # what Pillow raises over a damaged PNG
            return False
        origin = _origin(picture)
        found = json.loads(record) if isinstance(record, str) else None
        if found != origin:
            raise SettingsError(
                f"{path}: expected an image of {picture.prompt.text[:60]!r} with seeds {list(picture.seeds)}, "
                f"found one of {found}; take another folder"
            )
        return True


def _line(picture: Picture) -> dict[str, Any]:
    return {"file_name": picture.file, "id": picture.prompt.name, **_origin(picture)}


def _origin(picture: Picture) -> dict[str, Any]:
    return {"prompt": picture.prompt.text, "seeds": list(picture.seeds)}
