"""Which files a set of prompts becomes: their names, and the seed of every image in them."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from training.errors import SettingsError
from training.inference.prompts import Prompt

Naming = Literal["id", "prompt"]
LONGEST_NAME = 255
"""Bytes in a file's name on the usual file systems."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How many images one file holds, side by side; `1x1` is a single image."""

    rows: int = 1
    columns: int = 1

    @property
    def images(self) -> int:
        """Images in one file."""
        return self.rows * self.columns

    @classmethod
    def parse(cls, text: str) -> "Grid":
        """Read `ROWSxCOLUMNS`.

        Raises:
            SettingsError: it is something else.
        """
        found = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text)
        if not found:
            raise SettingsError(f"grid {text!r}: expected ROWSxCOLUMNS, 2x2 as DPG-Bench has it")
        return cls(rows=int(found[1]), columns=int(found[2]))


ONE_IMAGE = Grid()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One file that is to be made.

    Args:
        file: its name.
        prompt: what it shows.
        seeds: of its images, row by row.
    """

    file: str
    prompt: Prompt
    seeds: tuple[int, ...]


def plan_pictures(prompts: Sequence[Prompt], *, images: int, grid: Grid, naming: Naming, seed: int) -> list[Picture]:
    """The files for `prompts`, in order.

    Args:
        prompts: what to draw.
        images: files of each prompt.
        grid: images in a file.
        naming: `id` gives `NAME.png`, as DPG-Bench wants, and `NAME_0.png`, `NAME_1.png`, ... where a prompt has
            several; `prompt` gives `PROMPT_000000.png`, as T2I-CompBench wants, numbered through all prompts.
        seed: of everything.

    Raises:
        SettingsError: a prompt cannot be part of a file's name, or two files would have one name.
    """
    pictures = []
    for number, prompt in enumerate(prompts):
        for index in range(images):
            if naming == "prompt":
                file = f"{_stem_of_text(prompt.text)}_{number * images + index:06d}.png"
            else:
                file = f"{prompt.name}.png" if images == 1 else f"{prompt.name}_{index}.png"
            first = index * grid.images
            seeds = tuple(image_seed(seed, prompt.text, first + place) for place in range(grid.images))
            pictures.append(Picture(file=_checked(file), prompt=prompt, seeds=seeds))
    _refuse_doubles(pictures)
    return pictures


def image_seed(seed: int, text: str, index: int) -> int:
    """The seed, 63 bits, of a prompt's image number `index`: a function of these three and of nothing else."""
    digest = hashlib.blake2b(f"{seed}/{index}/{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _stem_of_text(text: str) -> str:
    if "_" in text:
        raise SettingsError(f"prompt {text[:60]!r}: T2I-CompBench reads a prompt up to the first _; name by id instead")
    return text


def _checked(file: str) -> str:
    if re.search(r"[/\\\0-\x1f]", file) or file.startswith(".") or len(file.encode()) > LONGEST_NAME:
        raise SettingsError(
            f"{file[:60]!r} cannot be the name of a file (a separator, a leading dot, or over {LONGEST_NAME} bytes): "
            "give the prompts other ids"
        )
    return file


def _refuse_doubles(pictures: Iterable[Picture]) -> None:
    seen: dict[str, Picture] = {}
    for picture in pictures:
        if seen.setdefault(picture.file.lower(), picture) is not picture:  # some file systems know no case
            raise SettingsError(f"two prompts would be called {picture.file}: give them other ids")
