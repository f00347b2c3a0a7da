"""The miniature world's JourneyDB: image archives and annotations, laid out as the published set lays them out."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.miniature.captions import dense_caption, prompt
from pipelines.miniature.scenes import Scene

ARCHIVES = 2
ANNOTATIONS = "train_anno_realease_repath.jsonl"
"""The published file's name, spelling included."""


def write_journeydb(folder: Path, pictures: Sequence[tuple[Scene, bytes]], seed: int) -> None:
    """Write `data/train/imgs/{000,001}.tgz` and the annotations.

    Every seventh annotation has no caption of its own, and the last one's image is in no archive.

    Args:
        folder: becomes the root of the set.
        pictures: scenes with their files, JPEG each.
        seed: of the file names.
    """
    train = folder / "data" / "train"
    (train / "imgs").mkdir(parents=True)
    rng = random.Random(f"journeydb {seed}")
    archives: list[dict[str, bytes]] = [{} for _ in range(ARCHIVES)]
    lines = []
    for number, (scene, content) in enumerate(pictures):
        archive = number * ARCHIVES // len(pictures)
        path = f"{archive:03d}/{rng.getrandbits(128):032x}.jpg"
        archives[archive][path] = content
        lines.append(_annotation(path, scene, captioned=number % 7 != 3))
    lines.append(_annotation(f"000/{rng.getrandbits(128):032x}.jpg", pictures[0][0], captioned=True))
    for archive, members in enumerate(archives):
        (train / "imgs" / f"{archive:03d}.tgz").write_bytes(_tgz(f"{archive:03d}", members))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (train / ANNOTATIONS).write_text(text, encoding="utf-8")


def _annotation(path: str, scene: Scene, *, captioned: bool) -> dict[str, Any]:
    """One line: the prompt, its parts, a caption where there is one, and a question about the picture."""
    answers = [scene.first.colour, scene.second.colour, "violet", "beige"]
    return {
        "img_path": f"./{path}",
        "prompt": prompt(scene),
        "Task1": {
            "Style": [["illustration"]],
            "Content": [[scene.first.phrase], [scene.second.phrase], [scene.background.description]],
        },
        "Task2": {"Caption": dense_caption(scene)} if captioned else {},
        "Task3": {
            "Content": [
                {
                    "Question": f"What colour is the {scene.first.shape}?",
                    "Answer": scene.first.colour,
                    "Option": answers,
                }
            ]
        },
    }


def _tgz(top: str, members: dict[str, bytes]) -> bytes:
    """A gzipped tar without times or owners: same members, same bytes."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        folder = tarfile.TarInfo(top)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name in sorted(members):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(members[name]), 0o644
            tar.addfile(member, io.BytesIO(members[name]))
    return buffer.getvalue()
