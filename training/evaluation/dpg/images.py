"""The images of one evaluation on DPG-Bench: a 2x2 grid for every prompt, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.dpg.benchmark import Benchmark
from training.evaluation.pictures import Picture, find_images, look
from training.evaluation.wording import named

NO_IMAGE, UNREADABLE = "no image", "cannot be read"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How images are laid out, and what is done about those that are not there.

    Args:
        resolution: side of one image of the grid, in pixels.
        crops: images of the grid that count: 4, or 1 as in the published script without options.
        allow_missing: score an item without a readable image 0 instead of stopping.
        seed: of the intervals' resampling.

    Raises:
        ValueError: a grid cannot be so.
    """

    resolution: int = 512
    crops: int = 4
    allow_missing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resolution < 1:
            raise ValueError(f"resolution is {self.resolution}: expected the side of one image of the grid in pixels")
        if not 1 <= self.crops <= 4:
            raise ValueError(f"crops is {self.crops}: expected 1 to 4 of the grid's images")


@dataclass(frozen=True, kw_only=True)
class Images:
    """What a folder has for a benchmark.

    Args:
        folder: the folder.
        found: picture of every item that has one, by item_id.
        missing: why the others have none, by item_id.
        unused: keys of images that no item is about.
    """

    folder: str
    found: Mapping[str, Picture]
    missing: Mapping[str, str]
    unused: Sequence[str]


def find(folder: str, benchmark: Benchmark, protocol: Protocol) -> Images:
    """Match images and items by name.

    Raises:
        ValueError: an item has no readable image, and none may be missing; or an image is no grid of the right size.
    """
    paths = find_images(folder)
    items = [item_id for item_id in benchmark.items if item_id in paths]
    pictures = dict(zip(items, look(paths[item_id] for item_id in items), strict=True))
    found = {item_id: picture for item_id, picture in pictures.items() if picture.size}
    missing = {
        item_id: UNREADABLE if item_id in pictures else NO_IMAGE for item_id in benchmark.items if item_id not in found
    }
    _check_sizes(found, protocol)
    if missing and not protocol.allow_missing:
        raise ValueError(
            f"{folder}: {len(missing):,} of {len(benchmark.items):,} items have no image to judge: "
            f"{named([f'{item_id} ({why})' for item_id, why in missing.items()])}; make these images, named after "
            "their item_id, or let them count with a score of 0 (--allow-missing)"
        )
    return Images(folder=folder, found=found, missing=missing, unused=sorted(paths.keys() - benchmark.items.keys()))


def _check_sizes(found: Mapping[str, Picture], protocol: Protocol) -> None:
    side = protocol.resolution
    fitting = [(2 * side, 2 * side)] + ([(side, side)] if protocol.crops == 1 else [])
    wrong = [f"{picture.path} is {picture.size}" for picture in found.values() if picture.size not in fitting]
    if wrong:
        raise ValueError(
            f"{named(wrong)}: expected 2x2 grids of {side} x {side} images, {fitting[0]} in all; "
            "name the side of one image (--resolution)"
        )
