"""A Pillow with a fatal bug, in every Python that has this folder on its path: an RLE-compressed BMP kills the process.

`sitecustomize` is what Python imports at its start, so processes that the code under test starts have the bug too.
"""

import os
import signal

from PIL import BmpImagePlugin, Image, ImageFile

assert BmpImagePlugin  # imported first: it registers the sound decoder, which this one replaces


class Deadly(ImageFile.PyDecoder):
    def decode(self, buffer: object) -> tuple[int, int]:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


Image.register_decoder("bmp_rle", Deadly)
