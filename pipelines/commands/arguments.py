"""What every command's arguments have in common: help with examples, and one clear line for what is wrong."""

import argparse
import dataclasses
import textwrap
from collections.abc import Sequence

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace

from curation import storage
from curation.config_errors import explain
from pipelines.errors import UsageError
from pipelines.pipeline import Pipeline


class HelpFormatter(argparse.RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """jsonargparse's help, with description and examples in the lines they were given in."""


def command_parser(command: str, usage: str, description: str, examples: Sequence[str]) -> ArgumentParser:
    """A parser whose `--help` ends in examples."""
    return ArgumentParser(
        prog=f"ella {command}",
        usage=f"ella {command} {usage}",
        description=textwrap.fill(description, 100),
        epilog="\n  ".join(["examples:", *examples]),
        formatter_class=HelpFormatter,
        parser_mode="omegaconf+",
        exit_on_error=False,
    )


def pipeline_parser(command: str, description: str, examples: Sequence[str]) -> ArgumentParser:
    """A parser for `ella COMMAND CONFIG [--FIELD VALUE ...]`; commands add their own options."""
    result = command_parser(command, "CONFIG [options]", description, examples)
    result.add_argument("--config", action=ActionConfigFile, help="the YAML file; CONFIG is short for it")
    result.add_class_arguments(Pipeline)
    return result


def parse_pipeline(parser: ArgumentParser, args: Sequence[str]) -> tuple[Pipeline, Namespace]:
    """The pipeline that `args` describe, and the parsed arguments, for a command's own options.

    Raises:
        UsageError: says which key or value is wrong, and which valid one is nearest.
    """
    given = list(args)
    if not given:
        raise UsageError(f"expected a CONFIG file; `{parser.prog} --help` shows examples")
    if not given[0].startswith("-"):
        given.insert(0, "--config")
    namespace = parse(parser, given)
    here = storage.local_path(namespace.dir)
    if here is not None and namespace.dir != str(here):
        # Workers have another current folder, and the same folder must have the same name in every run.
        namespace = parse(parser, [*given, "--dir", str(here)])
    fields = {field.name for field in dataclasses.fields(Pipeline)}
    try:
        instances = parser.instantiate(namespace)
        return Pipeline(**{name: value for name, value in instances.items() if name in fields}), namespace
    except (ArgumentError, TypeError, ValueError) as error:
        raise UsageError(explain(str(error), parser)) from error


def parse(parser: ArgumentParser, args: Sequence[str]) -> Namespace:
    """The arguments of a command.

    Raises:
        UsageError: says which one is wrong.
    """
    try:
        return parser.parse_args(list(args))
    except (ArgumentError, TypeError, ValueError) as error:
        raise UsageError(explain(str(error), parser)) from error
