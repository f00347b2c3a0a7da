"""`ella quickstart`: the whole system on a miniature world, on this machine, from nothing."""

from collections.abc import Sequence
from pathlib import Path

import pipelines
from pipelines.commands.arguments import command_parser, parse, parse_pipeline, pipeline_parser
from pipelines.commands.run import execute

CONFIG = Path(pipelines.__file__).parent / "configs" / "quickstart.yaml"

WARNING = """
What is real here is the way of the data. The models are small and know only this world: the aesthetic head was fitted
to its vividness, the CogVLM was trained for seconds, so that its captions are fluent and mostly wrong, and the language
model and the U-Net that the connector was trained between have random weights."""


def main(args: Sequence[str]) -> int:
    """Run the quickstart's configuration."""
    quickstart_parser = command_parser(
        "quickstart",
        "[--dir DIR]",
        "Make a miniature world (drawn scenes behind a web server on loopback, metadata in the published schemas, "
        "small models in the published layouts), curate and caption it on Ray, merge it, and train a connector on it. "
        "No network, no weights, no cluster; two minutes on two cores. A second call does nothing.",
        ["ella quickstart", "ella quickstart --dir /tmp/ella"],
    )
    quickstart_parser.add_argument("--dir", type=str, default="quickstart", help="the folder for all of it")
    folder = parse(quickstart_parser, args).dir
    pipeline, _ = parse_pipeline(pipeline_parser("quickstart", "", []), [str(CONFIG), "--dir", folder])
    code = execute(pipeline, address=None)
    print(WARNING)
    return code
