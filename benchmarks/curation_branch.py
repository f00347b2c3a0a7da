"""A whole branch on Ray (download, score, select, recaption) against its slowest stage alone, with the same workers.

python -m benchmarks.curation_branch                            about a quarter of an hour on two cores
python -m benchmarks.curation_branch --shards 4 --rows 10 --pairs 1    a look, in about one

Stages stream: while a shard is captioned, the next is scored and the one after it downloaded. So a branch should take
little longer than its slowest stage. Each stage runs once alone, over what the stages before it wrote, to see which is
slowest and to warm up; then that one and the branch run in turn. Photographs come from a server on loopback, the CLIP
is the miniature world's, and the captioner half of benchmarks.captioning's, with random weights. Each run is a chain of
its own: its workers start and load their models within it, which the time includes and the steady rate does not.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from benchmarks.captioning import CONFIG, random_model
from benchmarks.download import photographs
from benchmarks.interleaved import machine
from captioning.cogvlm import CogVLMCaptioner
from captioning.prompts import PROMPT
from captioning.recaption import Recaption
from curation import storage
from curation.aesthetic import AestheticScore
from curation.dataset import Dataset, Shard, sample_id
from curation.download import Download
from curation.download.image_settings import ImageSettings
from curation.schemas import URLS
from curation.selection import Select
from curation.stage import Resources, ShardStage
from pipelines.chain import cluster, run_chain
from pipelines.miniature.aesthetic import make_clip
from pipelines.miniature.vocabularies import save_llama

GOAL = 0.9
CAPTIONS = "benchmark"
CAPTIONER = replace(CONFIG, hidden_size=512, intermediate_size=1376, num_hidden_layers=2, num_attention_heads=4)
"""What writes the captions: half of that benchmark's model, which would make this one take hours."""
LIGHT, HEAVY = Resources(cpus=0.3), Resources(cpus=1)


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One run of a chain.

    Args:
        seconds: from its start to its end.
        steady: seconds from the first shard that was done to the last.
        busy: the share of all seconds in which each stage's worker worked, by the stage's folder.
        written: hash of what the last stage wrote.
    """

    seconds: float
    steady: float
    busy: dict[str, float]
    written: str


def make_stages(models: Path, tokens: int) -> list[ShardStage]:
    """The branch, with a core for the captioner and another for the rest."""
    captioner = CogVLMCaptioner(
        model=str(models / "cogvlm"),
        tokenizer=str(models / "cogvlm-tokenizer"),
        max_new_tokens=tokens,
        dtype="float32",
        device="cpu",
        threads=1,
    )
    return [
        Download(
            image=ImageSettings(size=512, min_size=256),
            allow_hosts=["127.0.0.1"],
            threads=8,
            decoders=1,
            resources=LIGHT,
        ),
        AestheticScore(
            model=str(models / "clip"),
            head=str(models / "clip" / "aesthetic_head.pth"),
            device="cpu",
            threads=1,
            resources=LIGHT,
        ),
        Select(min_aesthetic=-1e9, resources=LIGHT),
        Recaption(captioner=captioner, name=CAPTIONS, retries=0, batch_size=32, decode_threads=1, resources=HEAVY),
    ]


def write_urls(dataset: Dataset, address: str, *, shards: int, rows: int) -> list[Shard]:
    """Shards of links to the server's photographs."""
    for index in range(shards):
        urls = [f"{address}/{index * rows + row}.jpg" for row in range(rows)]
        table = [{"sample_id": sample_id(url), "url": url, "alt_text": "a", "source": "benchmark"} for url in urls]
        storage.write_table(dataset.urls(Shard(index=index)), pa.Table.from_pylist(table, schema=URLS))
    return dataset.shards()


def run(dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard]) -> Timed:
    """Run `stages` over all shards, as if what they write had never been.

    Raises:
        RuntimeError: a shard failed.
    """
    for stage in stages:
        shutil.rmtree(Path(dataset.root) / stage.folder, ignore_errors=True)
    started = time.perf_counter()
    result = run_chain(dataset, stages, shards, attempts=1)
    seconds = time.perf_counter() - started
    if result.failures:
        raise RuntimeError(f"{len(result.failures)} shards failed, the first: {result.failures[0].reason}")
    busy = {stage.folder: result.tallies[stage.folder].seconds / seconds for stage in stages}
    outputs = [Path(stages[-1].output(dataset, shard)) for shard in shards]
    written = hashlib.sha256(b"".join(output.read_bytes() for output in outputs)).hexdigest()
    done = [output.stat().st_mtime for output in outputs]
    return Timed(seconds=seconds, steady=max(done) - min(done), busy=busy, written=written)


def compare(dataset: Dataset, stages: Sequence[ShardStage], shards: Sequence[Shard], *, images: int, pairs: int) -> str:
    """A report in Markdown.

    Raises:
        RuntimeError: the branch and its last stage alone wrote something else.
    """
    alone = {stage.folder: run(dataset, [stage], shards) for stage in stages}
    slowest = max(stages, key=lambda stage: alone[stage.folder].steady)
    timed = [(run(dataset, [slowest], shards), run(dataset, stages, shards)) for _ in range(pairs)]
    if {branch.written for _, branch in timed} != {alone[stages[-1].folder].written}:
        raise RuntimeError("the branch and its last stage alone wrote something else: nothing to compare")
    lines = ["| stage | alone: all, steady | busy, alone | busy, in the branch |", "|---|---|---|---|"]
    for folder, first in alone.items():
        took = f"{first.seconds:.1f} s, {first.steady:.1f} s"
        within = statistics.median(branch.busy[folder] for _, branch in timed)
        lines.append(f"| {folder} | {took} | {first.busy[folder]:.0%} | {within:.0%} |")
    lines.append(f"\n{images} images in {len(shards)} shards, {pairs} pairs in turn\n")
    lines += [f"| | {slowest.folder} alone | the branch | share of the rate | goal |", "|---|---|---|---|---|"]
    lines.append(_row("start to end", [(stage.seconds, branch.seconds) for stage, branch in timed], images))
    most = images * (len(shards) - 1) / len(shards)
    lines.append(_row("first shard to last", [(stage.steady, branch.steady) for stage, branch in timed], most))
    return "\n".join(lines)


def _row(name: str, timed: Sequence[tuple[float, float]], images: float) -> str:
    """How fast the stage and the branch were over so many images, medians, and how they compare."""
    stage, branch = (statistics.median(side) for side in zip(*timed, strict=True))
    share = statistics.median(stage / branch for stage, branch in timed)
    verdict = f"{GOAL:.0%}: {'met' if share >= GOAL else 'missed'} by {abs(share - GOAL):.1%}"
    speeds = " | ".join(f"{seconds:.1f} s, {images / seconds:.1f} images/s" for seconds in (stage, branch))
    return f"| {name} | {speeds} | {share:.1%} | {verdict} |"


def make_models(folder: Path) -> None:
    """`clip/`, `cogvlm/` and `cogvlm-tokenizer/`; the captioner has random weights, and hardly ever comes to an end."""
    make_clip(folder / "clip", seed=0)
    vocabulary = save_llama(folder / "cogvlm-tokenizer", [PROMPT])
    random_model(replace(CAPTIONER, vocab_size=vocabulary)).save_pretrained(folder / "cogvlm")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a branch against its slowest stage alone.")
    parser.add_argument("--shards", type=int, default=60)
    parser.add_argument("--rows", type=int, default=16, help="links of a shard")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=120, help="the longest caption")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of each worker
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, photographs(0.0) as (address, said):
        models = Path(folder) / "models"
        make_models(models)
        dataset = Dataset(f"{folder}/dataset")
        shards = write_urls(dataset, address, shards=arguments.shards, rows=arguments.rows)
        print(f"photographs: {said}", flush=True)
        with cluster(None):
            stages, images = make_stages(models, arguments.tokens), arguments.shards * arguments.rows
            print(compare(dataset, stages, shards, images=images, pairs=arguments.pairs))


if __name__ == "__main__":
    main()
