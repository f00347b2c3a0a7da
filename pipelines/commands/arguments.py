"""A pipeline from a YAML file and command-line overrides, or one clear line that says what is wrong with them."""

import dataclasses
import sys
from collections.abc import Sequence

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, Namespace

from curation.config_errors import explain
from pipelines.errors import UsageError
from pipelines.pipeline import Pipeline


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
        UsageError: says which key or value is wrong, and which valid one is nearest.
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
        raise UsageError(explain(str(error), parser)) from error


def print_help_if_asked(parser: ArgumentParser, args: Sequence[str]) -> bool:
    """Answer `--help`, or a call without arguments, before any file is read."""
    if args and not {"-h", "--help"} & set(args):
        return False
    parser.print_help(sys.stdout)
    return True
