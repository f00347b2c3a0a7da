"""`ella submit CONFIG`: run a pipeline as a job of a Ray cluster, and follow it or leave it."""

import os
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands.arguments import parse_pipeline, pipeline_parser
from pipelines.errors import UsageError
from pipelines.show import open_console
from pipelines.submit import Job, submit

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
INTERRUPTED = 130
OWN = {"--address": 2, "--follow": 1}
"""The options that are this command's and not the run's, and how many words they are."""


def main(args: Sequence[str]) -> int:
    """Submit; with `--follow`, 0 when everything is there and 1 when something is missing."""
    parser = pipeline_parser(
        "submit",
        "Run a pipeline as a job of a Ray cluster: `ella run` on the cluster itself, with what is finished left as it "
        "is. The cluster's machines need this project installed, and the folder --dir within their reach.",
        [
            "ella submit my.yaml --dir s3://bucket/ella --address http://head:8265",
            "ella submit my.yaml --dir /shared/ella --follow",
            "ella submit my.yaml --dir s3://bucket/ella --repair",
        ],
    )
    parser.add_argument(
        "--address",
        type=str,
        default=os.environ.get("RAY_API_SERVER_ADDRESS") or DEFAULT_ADDRESS,
        help="the cluster's job server, which is where its dashboard is",
    )
    parser.add_argument("--repair", action="store_true", help="as in `ella run`")
    parser.add_argument("--follow", action="store_true", help="show what the job prints until it ends")
    pipeline, options = parse_pipeline(parser, args)
    if args[0].startswith("-"):
        raise UsageError("expected the CONFIG file first; `ella submit --help` shows examples")
    job = submit(pipeline, Path(args[0]), _without_own(args[1:]), address=options.address)
    open_console().print(
        f"job {job.name} runs in {pipeline.dir}\n"
        f"  what it says:  ray job logs --follow --address {job.address} {job.name}\n"
        f"  how far it is: ella status {pipeline.dir}\n"
        f"  to stop it:    ray job stop --address {job.address} {job.name}",
        highlight=False,
        soft_wrap=True,
    )
    return _follow(job) if options.follow else 0


def _follow(job: Job) -> int:
    try:
        return 0 if job.follow() else 1
    except KeyboardInterrupt:
        print(f"\njob {job.name} goes on; the lines above say how to see and how to stop it")
        return INTERRUPTED


def _without_own(args: Sequence[str]) -> list[str]:
    """`args` without this command's own options, in either spelling: `--key value` and `--key=value`."""
    kept, skip = [], 0
    for word in args:
        if skip:
            skip -= 1
            continue
        key, equals, _ = word.partition("=")
        if key in OWN:
            skip = 0 if equals else OWN[key] - 1
            continue
        kept.append(word)
    return kept
