"""The images of one category: `<prompt>_<6 digits>.png`, several for every prompt."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation import storage
from training.evaluation.pictures import SUFFIXES, Picture, look
from training.evaluation.wording import named

_NAME = re.compile(rf"(?P<prompt>.+)_(?P<number>\d{{6}})(?:{'|'.join(map(re.escape, SUFFIXES))})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One image.

    Args:
        picture: the file; without a size where it cannot be read.
        prompt: what was to be drawn: the file's name without its number.
        published_prompt: what the published scripts take for it: the name up to its first underscore.
    """

    picture: Picture
    prompt: str
    published_prompt: str


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """What a folder has of a category.

    Args:
        folder: the folder.
        by_prompt: the images of every prompt, by number; none for a prompt that was not drawn.
    """

    folder: str
    by_prompt: Mapping[str, Sequence[Drawing]]

    @property
    def readable(self) -> list[Drawing]:
        """Those that can be judged."""
        return [drawing for drawings in self.by_prompt.values() for drawing in drawings if drawing.picture.size]

    @property
    def unreadable(self) -> list[str]:
        """Paths of those that cannot be read."""
        drawings = (drawing for drawings in self.by_prompt.values() for drawing in drawings)
        return [drawing.picture.path for drawing in drawings if not drawing.picture.size]

    @property
    def undrawn(self) -> list[str]:
        """Prompts without an image."""
        return [prompt for prompt, drawings in self.by_prompt.items() if not drawings]


def find(folder: str, prompts: Sequence[str] = (), *, allow_missing: bool = False) -> Drawings:
    """Look at every image in `folder`.

    Args:
        folder: local or any fsspec URL.
        prompts: those that there should be images of, and the only ones that count; all that there are without.
        allow_missing: go on with what is unreadable or undrawn, which then counts as `rules` says.

    Raises:
        ValueError: there are no images, a name is no prompt with a number, or something is missing that may not be.
    """
    names = sorted(name for name in storage.names(folder) if name.lower().endswith(SUFFIXES))
    if not names:
        raise ValueError(f"{folder}: no images there; expected files like 'a red cup_000000.png'")
    prompt_of = {name: match["prompt"] for name in names if (match := _NAME.fullmatch(name))}
    strange = [name for name in names if name not in prompt_of]
    if strange:
        raise ValueError(f"{folder}: {named(strange)}: expected names like 'a red cup_000000.png', prompt and number")
    by_prompt: dict[str, list[Drawing]] = {prompt: [] for prompt in prompts or prompt_of.values()}
    counted = [name for name, prompt in prompt_of.items() if prompt in by_prompt]
    pictures = look(storage.join(folder, name) for name in counted)
    for name, picture in zip(counted, pictures, strict=True):
        drawing = Drawing(picture=picture, prompt=prompt_of[name], published_prompt=name.split("_")[0])
        by_prompt[drawing.prompt].append(drawing)
    drawings = Drawings(folder=folder, by_prompt=by_prompt)
    missing = [*map(repr, drawings.undrawn), *(f"{path} (cannot be read)" for path in drawings.unreadable)]
    if missing and not allow_missing:
        raise ValueError(
            f"{folder}: no image to judge for {named(missing)}; draw them again, or let them count with a score of 0 "
            "(--allow-missing)"
        )
    return drawings
