"""`ella inspect DATASET KEY`: everything that is on disk about one sample, from metadata row to training shard."""

from collections.abc import Sequence
from typing import Any

from curation.redaction import redact_url
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import refusing
from pipelines.history import Entry, History, histories


def main(args: Sequence[str]) -> int:
    """Print the history of every sample that is meant."""
    parser = command_parser(
        "inspect",
        "DATASET KEY",
        "Show one sample's whole history: its row of metadata, what became of its URL, its scores, whether it was "
        "selected and why not, its captions, and the training shard it went into.",
        ["ella inspect quickstart 029ffb823d31eb5e", "ella inspect quickstart/laion 000000003"],
    )
    parser.add_argument("dataset", type=str, help="a dataset, a training set, or the folder of a run")
    parser.add_argument("key", type=str, help="the sample's key in its dataset, or its sample_id")
    options = parse(parser, args)
    with refusing():
        found = histories(options.dataset, options.key)
    print("\n\n".join(_history(history) for history in found))
    return 0


def _history(history: History) -> str:
    return "\n".join([f"{history.place}: sample {history.sample_id}", *(_entry(entry) for entry in history.entries)])


def _entry(entry: Entry) -> str:
    if entry.missing:
        return f"\n  {entry.file}\n    not there yet"
    if entry.values is None:
        return f"\n  {entry.file}\n    the sample is not in it"
    width = max(len(name) for name in entry.values)
    shown = {name: redact_url(value) if name == "url" and value else value for name, value in entry.values.items()}
    lines = [f"    {name:<{width}}  {_value(value)}" for name, value in shown.items()]
    stopped = [f"    -> stopped here: {entry.verdict}"] if entry.verdict else []
    return "\n".join([f"\n  {entry.file}", *lines, *stopped])


def _value(value: Any) -> str:
    """One line; what a terminal would obey rather than show, which strangers may have written, is spelt out."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else repr(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
