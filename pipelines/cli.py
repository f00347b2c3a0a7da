"""The `ella` command: each subcommand parses its own arguments and is imported only when it is called."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from types import TracebackType

FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130


COMMANDS = {
    "quickstart": ("pipelines.commands.quickstart", "the whole system on a miniature world: no network, no weights"),
    "run": ("pipelines.commands.run", "run the pipeline that a YAML file describes"),
    "submit": ("pipelines.commands.submit", "run it as a job of a Ray cluster, and let this machine go"),
    "plan": ("pipelines.commands.plan", "say what a run would do, and do nothing"),
    "status": ("pipelines.commands.status", "show the funnel of a run's folder, also while it goes on"),
    "inspect": ("pipelines.commands.inspect", "show everything that is on disk about one sample"),
    "report": ("pipelines.commands.report", "measure captions as the paper does, and show them on a page"),
    "generate": ("pipelines.commands.generate", "draw prompts with Stable Diffusion and a trained connector"),
    "attention": ("pipelines.commands.attention", "draw which token a connector looks at, timestep by timestep"),
    "evaluate": ("pipelines.commands.evaluate", "score generated images by published benchmarks, and compare runs"),
    "train": ("training.cli", "train a connector, fill the caches it reads, compare trained ones"),
}
"""Name to the module whose `main(args)` runs it, and the line that `ella --help` shows."""

HELP = """usage: ella COMMAND [ARGUMENTS]

From LAION and COYO URLs to densely captioned pairs, and ELLA's connector trained on them.

commands:
{commands}

examples:
  ella quickstart
  ella plan pipelines/configs/laion_coyo_journeydb.yaml
  ella run pipelines/configs/laion_coyo_journeydb.yaml --address auto
  ella status /data/ella
  ella report /data/ella
  ella train fit --config training/configs/ella_sd15.yaml
  ella evaluate dpg /data/ella/images --csv dpg_bench.csv --judge mplug

`ella COMMAND --help` says more. Exit code: 0 all is done, 1 something failed or is missing, 2 the command
or its configuration is wrong."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    sys.excepthook = _print_traceback
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help", "help"):
        print(HELP.format(commands="\n".join(f"  {name:<12}{line}" for name, (_, line) in COMMANDS.items())))
        return 0 if args else USAGE_ERROR
    if args[0] not in COMMANDS:
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        return _complain(f"no command {args[0]!r}{hint}; `ella --help` lists them", USAGE_ERROR)
    from pipelines.errors import UsageError

    try:
        return importlib.import_module(COMMANDS[args[0]][0]).main(args[1:]) or 0
    except KeyboardInterrupt:
        print("\nella: stopped; what was finished stays, and the same command does the rest", file=sys.stderr)
        return INTERRUPTED
    except UsageError as error:
        return _complain(f"{args[0]}: {error}", USAGE_ERROR)
    except (ValueError, OSError) as error:
        if os.environ.get("ELLA_TRACEBACK"):
            raise
        return _complain(f"{args[0]} failed: {error} (ELLA_TRACEBACK=1 shows where)", FAILED)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What Python says of an error that nobody caught, without secrets: such reports are posted in public."""
    import traceback

    from curation.redaction import redact_message

    print(redact_message("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _complain(message: str, code: int) -> int:
    from curation.redaction import redact_message

    line = " ".join(message.split())  # libraries' messages often have several
    print(f"ella: {redact_message(line)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
