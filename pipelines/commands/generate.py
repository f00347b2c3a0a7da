"""`ella generate`: images of prompts, drawn by Stable Diffusion with a trained connector."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.commands.arguments import command_parser, parse
from pipelines.errors import UsageError, refusing
from pipelines.show import open_console

if TYPE_CHECKING:
    from training.generate import Generation
    from training.inference.image_folder import ImageFolder
    from training.inference.pictures import Picture

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is a file or a pipe."""


def main(args: Sequence[str]) -> int:
    """Make what is missing; 0 when all images are there."""
    options = parse(_parser(), args)
    if bool(options.prompt) == bool(options.prompts):
        raise UsageError("expected either prompts or --prompts FILE; `ella generate --help` shows examples")
    if options.images < 1 or options.batch_size < 1:
        raise UsageError(f"--images {options.images}, --batch-size {options.batch_size}: expected 1 or more of each")

    with refusing():
        generation, pictures = _plan(options)
        folder = generation.folder(options.output)
        folder.open()
        missing = folder.missing(pictures)
    console = open_console()
    there = len(pictures) - len(missing)
    if there:
        console.print(f"{there:,} of {len(pictures):,} files are there already")
    if missing:
        _make(console, options, generation, folder, pictures, missing)
    else:
        folder.write_metadata(pictures)
    console.print(f"images: {options.output.rstrip('/')}/metadata.jsonl", highlight=False, soft_wrap=True)
    return 0


def _parser() -> ArgumentParser:
    parser = command_parser(
        "generate",
        "PROMPT...|--prompts FILE --connector PATH --base PATH [options]",
        "Draw prompts with Stable Diffusion 1.5 or XL and a trained connector, into a folder of PNG files with a "
        "metadata.jsonl. An image depends on its prompt, its number and the seed alone, not on the batch or on what "
        "else is drawn. The same command goes on after a stop; what was made under other settings is refused.",
        [
            'ella generate "a red ball on a blue box" --connector quickstart/connector '
            "--base quickstart/models/stable-diffusion --text-encoder quickstart/models/t5",
            "ella generate --prompts dpg_bench.csv --grid 2x2 --connector ella.safetensors "
            "--base stable-diffusion-v1-5/stable-diffusion-v1-5 --output dpg",
            "ella generate --prompts color_val.txt --images 10 --name-by prompt --connector ella.safetensors "
            "--base stabilityai/stable-diffusion-xl-base-1.0 --output color",
        ],
    )
    add = parser.add_argument
    add("prompt", nargs="*", type=str, metavar="PROMPT", help="what to draw")
    add("--prompts", type=str, default="", help="a .txt file with a prompt a line, or a .jsonl, .csv or .tsv file")
    add("--column", type=str, default="", help="of the texts in that file; prompt, text or caption without")
    add("--connector", type=str, required=True, help="its safetensors file, or the folder of that")
    add("--base", type=str, required=True, help="Stable Diffusion: a folder, a hub name, or a safetensors file")
    add("--config", type=str, default="", help="for a single file as the base: a folder or hub name of its kind")
    add("--text-encoder", type=str, default="google/flan-t5-xl", help="the one that the connector was trained with")
    add("--output", type=str, default="images", help="the folder for the images")
    add("--images", type=int, default=1, help="files of each prompt")
    add("--grid", type=str, default="1x1", help="images in a file, ROWSxCOLUMNS; DPG-Bench wants 2x2")
    add("--name-by", type=Literal["id", "prompt"], default="id", help="ID.png, or PROMPT_000000.png (T2I-CompBench)")
    add("--seed", type=int, default=0, help="of all images")
    add("--negative-prompt", type=str, default="", help="for all prompts")
    add("--sampler", type=Literal["dpm++", "ddim", "euler", "base"], default="dpm++", help="base: the model's own")
    add("--steps", type=int, default=50, help="of the sampler")
    add("--guidance", type=float, default=12.0, help="scale of classifier-free guidance; 1 is without")
    add("--size", type=int, default=0, help="side in pixels; 0: what the U-Net was trained at")
    add("--length", type=Literal["fixed", "flexible"], default="fixed", help="fixed: the connector reads padding too")
    add("--with-clip", action="store_true", help="add CLIP's embedding of the prompt")
    add("--pooled", type=Literal["zeros", "clip", "connector"] | None, default=None, help="SDXL's, as in training")
    add("--precision", type=Literal["float32", "float16", "bfloat16"], default="float32", help="of the frozen models")
    add("--device", type=str, default="", help="cuda where there is one, or else cpu")
    add("--batch-size", type=int, default=4, help="images at once")
    return parser


def _plan(options: Namespace) -> "tuple[Generation, list[Picture]]":
    """How to draw, and the files that are to be there."""
    from training.generate import Generation
    from training.inference.pictures import Grid, plan_pictures
    from training.inference.prompts import numbered, read_prompts

    prompts = read_prompts(options.prompts, options.column or None) if options.prompts else numbered(options.prompt)
    generation = Generation(
        connector=options.connector,
        base=options.base,
        config=options.config or None,
        text_encoder=options.text_encoder,
        length=options.length,
        with_clip=options.with_clip,
        pooled=options.pooled,
        negative_prompt=options.negative_prompt,
        sampler=options.sampler,
        steps=options.steps,
        guidance=options.guidance,
        size=options.size or None,
        grid=Grid.parse(options.grid),
        precision=options.precision,
    )
    pictures = plan_pictures(
        prompts, images=options.images, grid=generation.grid, naming=options.name_by, seed=options.seed
    )
    return generation, pictures


def _make(
    console: Console,
    options: Namespace,
    generation: "Generation",
    folder: "ImageFolder",
    pictures: "Sequence[Picture]",
    missing: "Sequence[Picture]",
) -> None:
    import torch
    from transformers.utils import logging as transformers_logging

    from training.generate import generate

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    console.print(f"loading {options.base}, {options.text_encoder} and {options.connector}", highlight=False)
    with refusing():
        pipeline = generation.load(device)
    start = time.monotonic()
    try:
        with _progress(console) as report:
            generate(generation, pipeline, folder, missing, batch_size=options.batch_size, report=report)
    finally:
        generation.folder(options.output).write_metadata(pictures)  # anew: what came from the hub is known only now
    images, seconds = len(missing) * generation.grid.images, time.monotonic() - start
    console.print(f"{images:,} images in {seconds:.1f} s: {images / seconds:.2f} images/s", highlight=False)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then elsewhere; each with the speed."""
    start = last = time.monotonic()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, speed="")

        def report(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            speed = f"{done / (now - start):.2f} images/s"
            bar.update(task, completed=done, total=total, speed=speed)
            if not console.is_terminal and now - last >= PLAIN_INTERVAL:
                console.print(f"{done:,} of {total:,} images, {speed}", highlight=False)
                last = now

        yield report
