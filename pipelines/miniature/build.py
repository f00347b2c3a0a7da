"""Writes the files of a miniature world: pictures, LAION's and COYO's metadata, JourneyDB, and what is true of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, encode, on_white
from pipelines.miniature.journeydb import write_journeydb
from pipelines.miniature.links import Picture, coyo_links, laion_links
from pipelines.miniature.metadata import perceptual_hash, write_coyo, write_laion
from pipelines.miniature.scenes import Encoding, Scene
from pipelines.miniature.server import HOST, free_port
from pipelines.pipeline import Say

RECORD = "world.json"
TRUTH = "scenes.jsonl"


def make_world(folder: Path, say: Say, *, scenes: int, seed: int, port: int | None) -> None:
    """Write the world into `folder`: two scenes in five are LAION's, two in five COYO's, the rest JourneyDB's.

    Args:
        folder: an empty one.
        say: takes a line about what is being made.
        scenes: how many there are.
        seed: of everything that is left to chance.
        port: that links name; None to choose a free one.
    """
    say(f"world: drawing {scenes} scenes")
    all_scenes = make_scenes(scenes, seed)
    share = round(0.4 * scenes)
    pictures = [_draw(folder / "images", scene) for scene in all_scenes[: 2 * share]]
    laion, coyo = pictures[:share], pictures[share:]
    # JourneyDB's images are JPEG, all of them.
    journeydb = [replace(scene, encoding=Encoding.JPEG) for scene in all_scenes[2 * share :]]
    write_journeydb(folder / "journeydb", [(scene, encode(scene, draw(scene))[0]) for scene in journeydb], seed)

    port = free_port(seed) if port is None else port
    base = f"http://{HOST}:{port}"
    rows = {"laion": laion_links(base, laion, seed), "coyo": coyo_links(base, coyo, laion, seed)}
    write_laion(folder / "laion", rows["laion"], seed)
    write_coyo(folder / "coyo", rows["coyo"], seed)

    _write_truth(folder / TRUTH, {"laion": laion, "coyo": coyo})
    record = {
        "settings": {"scenes": scenes, "seed": seed, "port": port},
        "pictures": {"laion": len(laion), "coyo": len(coyo), "journeydb": len(journeydb)},
        "rows": {source: len(links) for source, links in rows.items()},
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")


def _draw(folder: Path, scene: Scene) -> Picture:
    folder.mkdir(parents=True, exist_ok=True)
    drawing = draw(scene)
    content, ending = encode(scene, drawing)
    name = f"{scene.index:05d}.{ending}"
    (folder / name).write_bytes(content)
    return Picture(scene=scene, name=name, phash=perceptual_hash(on_white(drawing)))


def _write_truth(path: Path, pictures: Mapping[str, Sequence[Picture]]) -> None:
    lines = [_truth(source, picture) for source, own in pictures.items() for picture in own]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _truth(source: str, picture: Picture) -> dict[str, Any]:
    scene = picture.scene
    return {
        "file": picture.name,
        "source": source,
        "caption": dense_caption(scene),
        "vividness": scene.vividness,
        "width": scene.width,
        "height": scene.height,
        "encoding": scene.encoding,
    }
