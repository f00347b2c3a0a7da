from captioning.report.content import SCORE_BINS, Scores, Step
from tests.captioning.report.build import report


def test_the_share_over_a_threshold_falls_from_all_to_none() -> None:
    counts = [0] * SCORE_BINS
    counts[4], counts[20], counts[39] = 1, 2, 1
    shares = Scores(source="laion", counts=counts).share_over()
    assert shares[:5] == [1.0] * 5
    assert shares[5:21] == [0.75] * 16
    assert shares[21:] == [0.25] * 19


def test_no_scores_have_no_share() -> None:
    assert Scores(source="laion", counts=[0, 0]).share_over() == [0.0, 0.0]


def test_drops_are_summed_over_sources_and_the_commonest_comes_first() -> None:
    assert list(report().drops().items()) == [("aesthetic", 90), ("not_found", 30)]


def test_equal_drops_go_by_the_alphabet() -> None:
    step = Step(source="a", name="downloaded", rows=4, kept=0, rejects={"tls": 2, "dns": 2})
    assert list(report(steps=[step]).drops()) == ["dns", "tls"]
