"""How fast captions are tagged and encoded for CLIP, against NLTK and open_clip, and whether the results are equal.

    NLTK_DATA=... python -m benchmarks.statistics [FILE...] [--tokens 1000000] [--pairs 5]

The texts are the lines of FILE (`.jsonl`: the field `text`; `.tsv`: the first column) and generated ones, up to the
number of tokens. Every tag and every id is compared first. The timed runs are interleaved, on one thread.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import nltk
from nltk.tag.perceptron import PerceptronTagger
from nltk.tokenize import word_tokenize
from open_clip.tokenizer import SimpleTokenizer

from benchmarks.interleaved import interleave, machine, speedup
from benchmarks.varied_texts import PLAIN_WORDS, varied_texts
from captioning.clip_tokens import ClipTokenizer
from captioning.part_of_speech import Tagger
from captioning.perceptron import ArrayTagger
from captioning.words import WordTokenizer

TIMED_TOKENS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    given = [text for file in arguments.files for text in lines(file)]
    tagger = PerceptronTagger()
    texts = given + generated(tagger, arguments.tokens)
    tokens, ids = compare(tagger, texts)
    print(f"{len(texts):,} texts, {tokens:,} NLTK tokens, {ids:,} CLIP tokens: 0 different tokens, tags or ids\n")
    print(f"{machine()}, NLTK {nltk.__version__}; per second, medians of {arguments.pairs} interleaved pairs\n")
    print("| texts | what | reference | ours | times |\n|---|---|---|---|---|")
    samples = {"given": given, "generated": texts[len(given) :]}
    for name, sample in samples.items():
        if sample:
            measure(name, sample_of(sample), tagger, arguments.pairs)


def lines(file: Path) -> list[str]:
    rows = [row for row in file.read_text().splitlines() if row.strip()]
    if file.suffix == ".jsonl":
        return [json.loads(row)["text"] for row in rows]
    return [row.split("\t")[0] for row in rows[1:]] if file.suffix == ".tsv" else rows


def generated(tagger: Any, tokens: int) -> list[str]:
    """Varied texts over the words that the tagger knows, at least `tokens` white space separated words in all."""
    known = sorted(name.removeprefix("i word ") for name in tagger.model.weights if name.startswith("i word "))
    texts, count = [], 0
    for text in varied_texts([*PLAIN_WORDS.split() * 20, *known], seed=0):
        if count >= tokens:
            return texts
        texts.append(text)
        count += len(text.split())
    return texts


def compare(tagger: Any, texts: Sequence[str]) -> tuple[int, int]:
    """Check every token, tag and id; how many tokens and ids there were.

    Raises:
        SystemExit: one is different.
    """
    ours, clip, open_clip = Tagger(compile_after=0), ClipTokenizer(), SimpleTokenizer()
    tokens = ids = 0
    for batch in batches(texts):
        for text, found in zip(batch, ours.tag(batch), strict=True):
            expected = tagger.tag(word_tokenize(text.lower()))
            expected_ids = open_clip.encode(text)
            if found != expected:
                raise SystemExit(f"other tags than NLTK's for {text!r}:\n{found}\n{expected}")
            if clip.encode(text) != expected_ids:
                raise SystemExit(f"other ids than open_clip's for {text!r}:\n{clip.encode(text)}\n{expected_ids}")
            tokens += len(expected)
            ids += len(expected_ids)
    return tokens, ids


def measure(name: str, texts: list[str], tagger: Any, pairs: int) -> None:
    words, arrays, ours = WordTokenizer(), ArrayTagger(tagger), Tagger(compile_after=0)
    tokens = [words.tokenize(text) for text in texts]
    open_clip, clip = SimpleTokenizer(), ClipTokenizer()
    count = sum(map(len, tokens))
    ids = sum(len(open_clip.encode(text)) for text in texts)
    cases: list[tuple[str, int, Callable[[], Any], Callable[[], Any]]] = [
        ("split into words", count, lambda: split(texts), lambda: [words.tokenize(text) for text in texts]),
        ("tag words", count, lambda: [tagger.tag(row) for row in tokens], lambda: arrays.tag(tokens)),
        ("both", count, lambda: [tagger.tag(row) for row in split(texts)], lambda: list(map(ours.tag, batches(texts)))),
        ("CLIP ids", ids, lambda: list(map(open_clip.encode, texts)), lambda: list(map(clip.encode, texts))),
        ("count CLIP ids", ids, lambda: list(map(open_clip.encode, texts)), lambda: list(map(clip.count, texts))),
    ]
    for what, number, reference, fast in cases:
        fast()  # it remembers what it has met; so does open_clip's, which has met these texts above
        seconds = interleave({"reference": reference, "ours": fast}, pairs)
        per_second = (f"{number / median(seconds[contender]):,.0f}" for contender in ("reference", "ours"))
        times = speedup(seconds["reference"], seconds["ours"])
        print(f"| {name} | {what} | {' | '.join(per_second)} | {times:.1f}x |", flush=True)


def split(texts: Sequence[str]) -> list[list[str]]:
    """The words of `texts` as NLTK splits them."""
    return [word_tokenize(text.lower()) for text in texts]


def sample_of(texts: list[str]) -> list[str]:
    """The first of `texts`, up to `TIMED_TOKENS` words."""
    taken, count = [], 0
    for text in texts:
        taken.append(text)
        count += len(text.split())
        if count >= TIMED_TOKENS:
            break
    return taken


def batches(texts: Sequence[str], size: int = 1024) -> Iterator[Sequence[str]]:
    return (texts[start : start + size] for start in range(0, len(texts), size))


if __name__ == "__main__":
    main()
