"""The two ways to score DPG-Bench: as the published script does, and without its faults.

Both get the same answers, so a score of one can be set beside a score of the other, and neither asks anything.

Hu et al., ELLA, 2024; the legacy rule follows what `compute_dpg_bench.py` beside the paper does in one process.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from training.evaluation.dpg.benchmark import Benchmark, Item, Proposition, level1
from training.evaluation.judge import YES
from training.evaluation.scores import Part, PromptScore

Replies = Mapping[str, Sequence[Mapping[str, str]]]
"""For every item that has an image: the answers to its questions, crop by crop."""

OVERALL, LEVEL1, LEVEL2 = "overall", "level1", "level2"
"""Names of scores: `overall`, `level1/entity`, `level2/entity - whole`."""


def legacy(benchmark: Benchmark, replies: Replies) -> list[PromptScore]:
    """Scores as the published script gives them, faults and all.

    The first row is skipped. Parents zero their children in the order of rows, so a child that stands before its parent
    escapes. Categories count the last crop alone, before any zeroing. An item without an image is dropped, and so is
    one that lost a parent with the first row, as soon as that parent is looked for.

    Item ids are texts here; where all of them are numbers, the script itself finds no image.
    """
    groups: dict[str, dict[int, Proposition]] = {}
    previous = None
    for row in benchmark.rows[1:]:
        if row.item_id != previous:
            groups[row.item_id] = {}  # an item that comes back replaces what it was before
        groups[row.item_id][row.number] = row  # and a number that does takes its first place
        previous = row.item_id
    drawn = ((item_id, list(rows.values())) for item_id, rows in groups.items() if item_id in replies)
    scored = (_legacy_item(item_id, rows, replies[item_id]) for item_id, rows in drawn)
    return [item for item in scored if item]


def _legacy_item(item_id: str, rows: Sequence[Proposition], crops: Sequence[Mapping[str, str]]) -> PromptScore | None:
    means = []
    for answers in crops:
        scores = {row.number: float(answers[row.question] == YES) for row in rows}
        if not _zero_children(rows, scores):
            return None
        means.append(sum(scores.values()) / len(scores))
    last = [(row, crops[-1][row.question] == YES) for row in rows]
    return _prompt_score(item_id, sum(means) / len(means), last)


def _zero_children(rows: Iterable[Proposition], scores: dict[int, float]) -> bool:
    """Zero in place what depends on a zero; False where a parent is not there."""
    for row in rows:
        for parent in row.parents:
            if parent not in scores:
                return False
            if scores[parent] == 0:
                scores[row.number] = 0.0
                break
    return True


def fixed(benchmark: Benchmark, replies: Replies, crops: int) -> list[PromptScore]:
    """Scores in which every row and every crop counts, whatever their order.

    A proposition holds where its answer is yes and all its parents hold. An item without an image counts, with nothing
    that holds: a model is not better for the prompts that it left out.

    Args:
        benchmark: the table.
        replies: the answers.
        crops: images a prompt.
    """
    return [_fixed_item(item, replies.get(item.item_id), crops) for item in benchmark.items.values()]


def _fixed_item(item: Item, crops: Sequence[Mapping[str, str]] | None, number: int) -> PromptScore:
    nothing: Sequence[Mapping[str, str]] = [{}] * number
    held = [pair for answers in crops or nothing for pair in _holding(item, answers)]
    return _prompt_score(item.item_id, sum(holds for _, holds in held) / len(held), held)


def _holding(item: Item, answers: Mapping[str, str]) -> list[tuple[Proposition, bool]]:
    """Each proposition, and whether it holds in one image."""
    holds: dict[int, bool] = {}
    for number, proposition in item.propositions.items():  # parents come first
        holds[number] = answers.get(proposition.question) == YES and all(holds[p] for p in proposition.parents)
    return [(proposition, holds[number]) for number, proposition in item.propositions.items()]


def _prompt_score(item_id: str, score: float, judged: Iterable[tuple[Proposition, bool]]) -> PromptScore:
    """The item's score, and how many propositions of each category hold."""
    parts: dict[str, Part] = defaultdict(lambda: (0.0, 0.0))
    parts[OVERALL] = (score, 1.0)
    for proposition, holds in judged:
        for name in (f"{LEVEL1}/{level1(proposition.category)}", f"{LEVEL2}/{proposition.category}"):
            held, of = parts[name]
            parts[name] = (held + holds, of + 1)
    return PromptScore(prompt_id=item_id, parts=dict(parts))
