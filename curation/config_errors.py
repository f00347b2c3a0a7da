"""A configuration's mistakes in one line each, with the nearest valid name.

jsonargparse says which name it does not know, over many lines, and not which one may have been meant.
"""

import dataclasses
import difflib
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterable

from jsonargparse import ArgumentParser

_REFUSED = re.compile(
    r"ption '([\w.]+)' is not accepted|accept option '([\w.]+)'|no attribute '(\w+)'|arguments: --([\w.]+)"
    r"|key '(\w+)' not found"
)
_SAYS_NOTHING = ("Does not validate against", "Subtypes:", "Errors:", "Expected a <class 'NoneType'>", "Given value")
"""How lines begin that only tell that a value which may be null is not."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """` (did you mean ...?)` for the valid name most like `name`; empty when none is much like it."""
    close = difflib.get_close_matches(name, sorted(set(valid)), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def explain(message: str, parser: ArgumentParser) -> str:
    """What `parser` said about a configuration, in one line, with the nearest valid name for one that it refused."""
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    said = [line.removesuffix(":") for line in lines if line and not line.startswith(_SAYS_NOTHING)]
    text = _shorten(": ".join(said))
    refused = _REFUSED.search(text)
    if not refused:
        return text
    valid = set(_known_names(message, parser))
    unknown = [part for part in next(filter(None, refused.groups())).split(".") if part not in valid]
    return text + (nearest(unknown[0], valid) if unknown else "")


def _shorten(text: str) -> str:
    """The way to the mistake without the words around its steps: `branches: curation.download.Download: ...`."""
    return re.sub(r"""Parser key "([^"]+)"|Problem with given class_path '([\w.]+)'""", r"\1\2", text)


def _known_names(message: str, parser: ArgumentParser) -> Iterable[str]:
    """The names that are valid somewhere near the mistake: the parser's, and those of classes that are mentioned."""
    for key in parser.get_defaults(skip_validation=True).keys():  # noqa: SIM118 (a namespace, not a mapping)
        yield from key.split(".")
    for path in re.findall(r"class_path '([\w.]+)'", message):
        module, _, name = path.rpartition(".")
        if hasattr(importlib.import_module(module), name):
            yield from _fields(pkgutil.resolve_name(path))
    for path in re.findall(r"module '([\w.]+)' has no", message):
        yield from (name for name in vars(importlib.import_module(path)) if not name.startswith("_"))


def _fields(kind: type) -> Iterable[str]:
    """The parameters of a class's constructor, and the fields of those that are dataclasses themselves."""
    yield from inspect.signature(kind).parameters
    for hint in typing.get_type_hints(kind).values():
        if dataclasses.is_dataclass(hint):
            yield from (field.name for field in dataclasses.fields(hint))
