"""img2dataset's Downloader is the real one, comes without the rest, and leaves the package as it was for others."""

import subprocess
import sys

PROGRAM = """
import sys
from curation.download.img2dataset_import import downloader_class
Downloader = downloader_class()
assert Downloader.__module__ == "img2dataset.downloader"
assert callable(Downloader.download_shard)
heavy = {"torch", "ray", "albumentations", "cv2", "img2dataset"} & set(sys.modules)
assert not heavy, heavy
assert downloader_class() is Downloader
from img2dataset import resizer
assert callable(resizer.Resizer)
import img2dataset.downloader
assert img2dataset.downloader is sys.modules["img2dataset.downloader"]
assert callable(img2dataset.download)
downloader_class.cache_clear()
assert downloader_class() is img2dataset.downloader.Downloader
"""


def test_only_what_it_needs_is_imported_and_the_package_stays_whole() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], check=False, timeout=120)
    assert done.returncode == 0  # what it asserts itself holds
