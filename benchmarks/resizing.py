"""Where the Download stage's time goes: each step from body to JPEG, beside img2dataset's own, in turn on one core.

python -m benchmarks.resizing
"""

import argparse
import io
import os
import statistics
import time
import warnings
from collections.abc import Callable

from PIL import Image

from benchmarks.interleaved import machine
from benchmarks.photograph_server import LARGE, SMALL, bodies
from curation.download.decoding import ImageLimits, decode
from curation.download.resizer import Resizer
from curation.download.shrinking import shrink

IMAGE_SIZE, QUALITY = 512, 95


def cpu_milliseconds(steps: dict[str, Callable[[int], object]], images: int, rounds: int) -> dict[str, float]:
    """The median over `rounds` of what each step takes an image, the steps taking turns at every image."""
    took: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        sums = dict.fromkeys(steps, 0.0)
        for image in range(images):
            for name, step in steps.items():
                started = time.thread_time()
                step(image)
                sums[name] += time.thread_time() - started
        for name, seconds in sums.items():
            took[name].append(1000 * seconds / images)
    return {name: statistics.median(values) for name, values in took.items()}


def steps(photographs: list[bytes]) -> dict[str, Callable[[int], object]]:
    """By name, what is done to the photograph of a number."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    warnings.simplefilter("ignore")
    import cv2
    import numpy as np
    from img2dataset.resizer import Resizer as TheirResizer

    ours = Resizer(image_size=IMAGE_SIZE, quality=QUALITY, limits=ImageLimits(min_size=IMAGE_SIZE))
    theirs = TheirResizer(IMAGE_SIZE, "keep_ratio", True, encode_quality=QUALITY, min_image_size=IMAGE_SIZE)
    cv2.setNumThreads(1)
    images = [decode(content, ImageLimits()).image for content in photographs]
    arrays = [np.asarray(image) for image in images]
    sizes = [tuple(round(edge * IMAGE_SIZE / min(image.size)) for edge in image.size) for image in images]
    shrunk = [shrink(image, size) for image, size in zip(images, sizes, strict=True)]
    pixels = [np.asarray(image) for image in shrunk]
    return {
        "all: img2dataset": lambda n: theirs(io.BytesIO(photographs[n])),
        "all: Download": lambda n: ours(io.BytesIO(photographs[n])),
        "decode: OpenCV": lambda n: cv2.imdecode(np.frombuffer(photographs[n], np.uint8), cv2.IMREAD_UNCHANGED),
        "decode: ours, with Pillow": lambda n: decode(photographs[n], ImageLimits(), 3 * IMAGE_SIZE),
        "shrink: OpenCV, area": lambda n: cv2.resize(arrays[n], sizes[n], interpolation=cv2.INTER_AREA),
        "shrink: ours, with torch, bicubic": lambda n: shrink(images[n], sizes[n]),
        "shrink: Pillow, bicubic": lambda n: images[n].resize(sizes[n], Image.Resampling.BICUBIC),
        "encode: OpenCV": lambda n: cv2.imencode(".jpg", pixels[n], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]),
        "encode: Pillow": lambda n: shrunk[n].save(io.BytesIO(), "JPEG", quality=QUALITY),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time each step from body to JPEG.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    large, small = bodies(LARGE), bodies(SMALL)
    print(machine())
    print("| CPU ms an image | large | under the floor |\n|---|---|---|")
    on_large = cpu_milliseconds(steps(large), len(large), rounds)
    whole = {name: step for name, step in steps(small).items() if name.startswith("all")}
    on_small = cpu_milliseconds(whole, len(small), rounds)
    for name, milliseconds in on_large.items():
        print(f"| {name} | {milliseconds:.2f} | {f'{on_small[name]:.2f}' if name in on_small else ''} |")


if __name__ == "__main__":
    main()
