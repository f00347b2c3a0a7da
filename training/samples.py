"""One sample of a training shard: its square, the size it had, its caption."""

import json
from typing import Any

from curation.config_errors import nearest
from training.captions import CAPTION, CaptionMixture
from training.errors import DataError, SettingsError
from training.images import Square, decode_square
from training.tar_index import TarIndex

Details = dict[str, Any]
"""What a sample's `.json` says: texts, sizes, scores."""


def read_details(tar: TarIndex, row: int) -> Details:
    """A sample's `.json`; empty where it has none.

    Raises:
        DataError: it is no JSON object; the message names tar and key.
    """
    if not tar.has(row, "json"):
        return {}
    try:
        details = json.loads(tar.read(row, "json"))
    except ValueError as error:
        raise DataError(f"{tar.name}: the json of sample {tar.sample_ids[row]} cannot be read ({error})") from error
    if not isinstance(details, dict):
        raise DataError(f"{tar.name}: the json of sample {tar.sample_ids[row]} is no object; build the shard again")
    return details


def read_square(tar: TarIndex, row: int, resolution: int, place: tuple[float, float] | None) -> Square:
    """The square of a sample's image; for the arguments see `decode_square`.

    Raises:
        DataError: there is no image, or none that can be decoded; the message names tar and key.
    """
    try:
        return decode_square(tar.read(row, "jpg"), resolution, place)
    except OSError as error:
        raise DataError(
            f"{tar.name}: the image of sample {tar.sample_ids[row]} cannot be decoded ({error}); build the shard again"
        ) from error


def read_caption(tar: TarIndex, row: int, mixture: CaptionMixture) -> str:
    """The one of a sample's captions that training reads.

    Raises:
        DataError: it has none that is text; the message names tar and key.
    """
    try:
        caption = tar.read(row, "txt").decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{tar.name}: the txt of sample {tar.sample_ids[row]} is no UTF-8 text ({error})") from error
    details = read_details(tar, row) if mixture.needs_json else {}
    return mixture.choose(tar.sample_ids[row], {**details, CAPTION: caption})


def require_captions(tar: TarIndex, mixture: CaptionMixture) -> None:
    """See that a mixture names nothing which no sample of a shard has, null or not.

    Raises:
        SettingsError: it does; says which names there are, and the nearest of them.
        DataError: a sample's json cannot be read.
    """
    missing = {name for name, weight in mixture.weights.items() if weight} - {CAPTION}
    there = {CAPTION}
    for row in range(len(tar.sample_ids)):
        if not missing:
            return
        there |= read_details(tar, row).keys()
        missing -= there
    if missing:
        name = min(missing)
        raise SettingsError(
            f"captions: no sample of {tar.name} has {name!r}{nearest(name, there)}; found {', '.join(sorted(there))}"
        )


def original_size(stored: tuple[int, int], details: Details, resolution: int) -> tuple[int, int]:
    """Height and width that a U-Net is told an image had.

    Those of the file that was downloaded, unless the stored image is smaller than what is trained on: then it is
    enlarged, which is what the U-Net is to know, and the stored sizes say so.
    """
    height, width = details.get("original_height"), details.get("original_width")
    if min(stored) < resolution or not height or not width:
        return stored
    return int(height), int(width)
