import pytest

from pipelines.commands.arguments import command_parser, parse
from pipelines.commands.evaluations.judging import add_judge, answering, make_judge, without_aliases
from pipelines.errors import UsageError
from tests.training.evaluation.looking import LookingJudge
from training.evaluation.judge import Judge
from training.evaluation.judges import ChatJudge, OpenAIJudge, VQAJudge


def judge_of(*arguments: str) -> Judge:
    parser = command_parser("evaluate x", "", "", [])
    add_judge(parser)
    return make_judge(parser, parse(parser, without_aliases(arguments)))


def test_a_judge_is_an_alias_a_class_or_a_path_with_settings() -> None:
    assert judge_of("--judge", "blip") == VQAJudge()
    assert judge_of("--judge=vqa", "--judge.batch_size", "3") == VQAJudge(batch_size=3)
    assert judge_of("--judge", "ChatJudge", "--judge.model", "m") == ChatJudge(model="m")
    assert judge_of("--judge", "openai", "--judge.url", "http://h/v1", "--judge.model", "7") == OpenAIJudge(
        url="http://h/v1", model="7"
    )
    looking = judge_of("--judge", "tests.training.evaluation.looking.LookingJudge", "--judge.threads", "true")
    assert looking == LookingJudge(threads=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no --judge: expected one of blip"),
        (["--judge", "blib"], "'blib' (did you mean 'blip'?)"),
        (["--judge", "blip", "--judge.modl", "x"], "did you mean 'model'?"),
        (["--judge", "chat"], "required: model"),
        (["--judge", "blip", "--judge.batch_size", "0"], "batch_size is 0"),
        (["--judge", "blip", "--judge.batch_size", "x"], "batch_size"),
        (["--judge", "blip", "--workers", "0"], "--workers 0: expected 1 or more"),
        (["--judge", "training.evaluation.judges.Nobody"], "Nobody"),
    ],
)
def test_a_judge_that_cannot_be_is_a_usage_error_in_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        judge_of(*arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_bar_is_not_shown_where_nobody_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    with answering() as progress:
        progress(0, 10)
        progress(10, 10)
    assert capsys.readouterr() == ("", "")
