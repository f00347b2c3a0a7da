"""img2dataset's Downloader without the rest of its package, which would load torch, ray and albumentations."""

import functools
import importlib.util
import sys
from typing import Any

_PACKAGE = "img2dataset"


@functools.cache
def downloader_class() -> Any:
    """`img2dataset.downloader.Downloader`.

    The package's `__init__` imports its command, in some seconds. So the module is imported from a package of the same
    place that is not run, and taken out of the modules again: whoever imports img2dataset afterwards gets all of it.

    Raises:
        ModuleNotFoundError: img2dataset is not installed.
    """
    if _PACKAGE in sys.modules:
        return importlib.import_module(f"{_PACKAGE}.downloader").Downloader
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError("img2dataset is not installed", name=_PACKAGE)
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(f"{_PACKAGE}.downloader").Downloader
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
