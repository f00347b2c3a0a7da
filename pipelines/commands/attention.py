"""`ella attention PROMPT`: which token a connector looks at, timestep by timestep, as a picture and as numbers."""

from collections.abc import Sequence
from typing import Literal

from curation import storage
from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import UsageError, refusing


def main(args: Sequence[str]) -> int:
    """Draw the map."""
    parser = command_parser(
        "attention",
        "PROMPT --connector PATH [--text-encoder PATH] [options]",
        "Draw the attention of a connector's queries to each token of a prompt at each timestep, as figure 8 of the "
        "ELLA paper does: a column a token, relative to its own maximum. Needs no diffusion model. Writes OUTPUT.png, "
        "and OUTPUT.json with every block's numbers.",
        [
            'ella attention "a red ball on a blue box" --connector quickstart/connector '
            "--text-encoder quickstart/models/t5",
            'ella attention "a red ball on a blue box" --connector ella-sd1.5-tsc-t5xl.safetensors --output ball',
        ],
    )
    add = parser.add_argument
    add("prompt", type=str, metavar="PROMPT", help="whose tokens to look at")
    add("--connector", type=str, required=True, help="its safetensors file, or the folder of that")
    add("--text-encoder", type=str, default="google/flan-t5-xl", help="the one that the connector was trained with")
    add("--length", type=Literal["fixed", "flexible"], default="fixed", help="fixed: the connector reads padding too")
    add("--steps", type=int, default=50, help="timesteps, evenly spread from noise to image")
    add("--block", type=int | None, default=None, help="draw one block of the connector, from 0; all of them without")
    add("--output", type=str, default="attention", help="path of both files, without their ending")
    options = parse(parser, args)

    from transformers.utils import logging as transformers_logging

    from training.attention_figure import draw_map
    from training.attention_maps import attention_map, spread_timesteps
    from training.connectors import load_connector
    from training.text_encoder import TextEncoder

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with refusing():
        timesteps = spread_timesteps(options.steps)
        connector = load_connector(options.connector)
        text_encoder = TextEncoder(options.text_encoder, attend_to_padding=options.length == "fixed")
        attention = attention_map(connector, text_encoder, options.prompt, timesteps)
    blocks = len(attention.weights)
    if options.block is not None and not 0 <= options.block < blocks:
        raise UsageError(f"--block {options.block}: this connector has blocks 0 to {blocks - 1}")
    with storage.atomic_writer(f"{options.output}.png") as file:
        draw_map(attention, options.block).save(file, "PNG")
    storage.write_json(f"{options.output}.json", attention.as_json())
    print(f"{len(attention.tokens)} tokens at {len(timesteps)} timesteps: {options.output}.png, {options.output}.json")
    return 0
