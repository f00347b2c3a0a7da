"""A shard of coloured images, as the stages before captioning leave it."""

import io
from collections.abc import Mapping

import pyarrow as pa
from PIL import Image

from curation import schemas, storage
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.tar import TarWriter

SHARD = Shard(index=7)


def jpeg(colour: tuple[int, int, int] | int) -> bytes:
    """An image of one colour, grey where that is a number."""
    data = io.BytesIO()
    Image.new("L" if isinstance(colour, int) else "RGB", (32, 24), colour).save(data, "JPEG", quality=95)
    return data.getvalue()


def write_shard(dataset: Dataset, images: Mapping[str, bytes], *, dropped: tuple[str, ...] = ()) -> None:
    """Write tar and selection, with a sample_id that is the key's with `id-` in front."""
    with storage.atomic_writer(dataset.image_tar(SHARD)) as file, TarWriter(file) as tar:
        for key in sorted(images):
            tar.write(key, {"jpg": images[key], "txt": b"alt", "json": b"{}"})
    write_selection(dataset, list(images), dropped=dropped)


def write_selection(dataset: Dataset, keys: list[str], *, dropped: tuple[str, ...] = ()) -> None:
    """Write the selection alone."""
    rows = [
        {
            "key": key,
            "sample_id": f"id-{key}",
            "kept": key not in dropped,
            "reason": Reason.AESTHETIC if key in dropped else None,
        }
        for key in keys
    ]
    storage.write_table(dataset.selection(SHARD), pa.Table.from_pylist(rows, schema=schemas.SELECTION))
