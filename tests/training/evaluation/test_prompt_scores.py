"""What prompts add to scores, kept in a file."""

from pathlib import Path

from training.evaluation.prompt_scores import Prompt, PromptScores, read_prompt_scores, write_prompt_scores
from training.evaluation.scores import PromptScore

A = PromptScore(prompt_id="a", parts={"overall": (0.5, 1.0), "level1/entity": (2.0, 4.0)})
B = PromptScore(prompt_id="b", parts={"overall": (1.0, 1.0)})
PROMPTS = {"a": Prompt(text="a cat", image="/images/a.png"), "b": Prompt(text="b", image=None)}


def test_scores_come_back_and_their_order_does_not_matter(tmp_path: Path) -> None:
    path, again = str(tmp_path / "p.parquet"), str(tmp_path / "q.parquet")
    write_prompt_scores(path, PromptScores(prompts=PROMPTS, rules={"legacy": [B], "fixed": [A, B]}))
    write_prompt_scores(again, PromptScores(prompts=PROMPTS, rules={"fixed": [B, A], "legacy": [B]}))
    assert Path(path).read_bytes() == Path(again).read_bytes()
    assert read_prompt_scores(path) == PromptScores(prompts=PROMPTS, rules={"fixed": [A, B], "legacy": [B]})
