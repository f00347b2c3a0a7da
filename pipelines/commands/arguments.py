"""A pipeline from a YAML file and command-line overrides, or one clear line that says what is wrong with them."""

import dataclasses
import importlib
import re
import sys
from collections.abc import Sequence
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, Namespace

from pipelines.pipeline import Pipeline
from pipelines.suggestions import nearest


class ConfigError(ValueError):
    """The configuration cannot be read; the message is one line."""


def parser(command: str, description: str, examples: Sequence[str]) -> ArgumentParser:
    """A parser for `ella COMMAND CONFIG [--FIELD VALUE ...]`; commands add their own options."""
    result = ArgumentParser(
        prog=f"ella {command}",
        usage=f"ella {command} CONFIG [options]",
        description=description,
        epilog="examples: " + " | ".join(examples),
        parser_mode="omegaconf+",
        exit_on_error=False,
    )
    result.add_argument("--config", action=ActionConfigFile, help="the YAML file; CONFIG is short for it")
    result.add_class_arguments(Pipeline)
    return result


def parse(parser: ArgumentParser, args: Sequence[str]) -> tuple[Pipeline, Namespace]:
    """The pipeline that `args` describe, and the parsed arguments, for a command's own options.

    Raises:
        ConfigError: says which key or value is wrong, and which valid one is nearest.
    """
    given = list(args)
    if given and not given[0].startswith("-"):
        given.insert(0, "--config")
    try:
        namespace = parser.parse_args(given)
        fields = {field.name for field in dataclasses.fields(Pipeline)}
        instances = parser.instantiate(namespace)
        return Pipeline(**{name: value for name, value in instances.items() if name in fields}), namespace
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(explain(str(error))) from error


def explain(message: str) -> str:
    """A parser's message in one line, with the nearest valid name where a name is not accepted."""
    text = ": ".join(line.removesuffix(":") for line in _statements(message))
    refused = re.search(r"ption '([\w.]+)' is not accepted|does not accept option '([\w.]+)'", text)
    if refused:
        name = (refused.group(1) or refused.group(2)).split(".")[0]
        return text + nearest(name, _fields(text))
    missing = re.search(r"module '([\w.]+)' has no attribute '(\w+)'", text)
    if missing:
        return text + nearest(missing.group(2), _classes(missing.group(1)))
    return text


def _statements(message: str) -> list[str]:
    """The lines of a message that say something: where a value may also be null, that it is not says nothing."""
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    noise = ("Does not validate against", "Subtypes:", "Errors:", "Expected a <class 'NoneType'>", "Given value")
    return [line for line in lines if line and not line.startswith(noise)]


def _fields(text: str) -> list[str]:
    """The fields of the class, or of the group within it, that the message speaks of last."""
    owner: Any = Pipeline
    for path in re.findall(r"class_path '([\w.]+)'", text):
        module, _, name = path.rpartition(".")
        owner = getattr(importlib.import_module(module), name)
    group = re.search(r"[Gg]roup '(\w+)'", text)
    if group:
        owner = type(getattr(owner, group.group(1), None) or _default(owner, group.group(1)))
    return [field.name for field in dataclasses.fields(owner)] if dataclasses.is_dataclass(owner) else []


def _default(owner: Any, field_name: str) -> Any:
    """The default of a dataclass field that is made by a factory."""
    field = next(field for field in dataclasses.fields(owner) if field.name == field_name)
    return field.default_factory() if callable(field.default_factory) else None


def _classes(module: str) -> list[str]:
    return [name for name, value in vars(importlib.import_module(module)).items() if isinstance(value, type)]


def print_help_if_asked(parser: ArgumentParser, args: Sequence[str]) -> bool:
    """Answer `--help`, or a call without arguments, before any file is read."""
    if args and not {"-h", "--help"} & set(args):
        return False
    parser.print_help(sys.stdout)
    return True
