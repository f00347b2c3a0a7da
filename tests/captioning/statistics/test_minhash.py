"""Hashes of runs of words against the shares of runs that texts really have in common."""

import random

import numpy as np

from captioning.statistics.minhash import HASHES, count_clusters, groups_of, runs_of, signature_of


def jaccard(one: list[str], other: list[str]) -> float:
    first, second = ({tuple(words[i : i + 3]) for i in range(len(words) - 2)} for words in (one, other))
    return len(first & second) / len(first | second)


def texts(number: int, seed: int = 0) -> list[list[str]]:
    numbers = random.Random(seed)
    return [[f"word{numbers.randrange(3000)}" for _ in range(50)] for _ in range(number)]


def changed(words: list[str], places: int) -> list[str]:
    return [f"new {word}" if index % (50 // places) == 7 else word for index, word in enumerate(words)]


def test_a_text_has_a_hash_for_each_run_whatever_stands_beside_it() -> None:
    given = [["a"], [], ["a", "b", "c", "d"], ["b", "c", "d"]]
    found = runs_of(given)
    assert [len(runs) for runs in found] == [1, 1, 2, 1]
    assert found[2][1] == found[3][0]
    assert len({*found[2].tolist(), found[0][0], found[1][0]}) == 4
    for words, runs in zip(given, found, strict=True):
        assert np.array_equal(runs_of([words])[0], runs)
    assert runs_of([]) == []


def test_texts_share_a_group_as_often_as_runs() -> None:
    bases = texts(600)
    near = [changed(words, 1) for words in bases]
    expected = np.mean([jaccard(*pair) for pair in zip(bases, near, strict=True)])
    same = np.mean(np.array(groups_of(runs_of(bases))) == np.array(groups_of(runs_of(near))))
    assert abs(same - expected) < 0.06, "four standard errors"


def test_signatures_agree_as_often_as_runs() -> None:
    bases = texts(200, seed=1)
    near = [changed(words, 3) for words in bases]
    expected = np.mean([jaccard(*pair) for pair in zip(bases, near, strict=True)])
    signatures = [[signature_of(runs) for runs in runs_of(given)] for given in (bases, near)]
    assert {len(signature) for signature in signatures[0]} == {HASHES}
    agree = np.mean([np.mean(np.array(list(a)) == np.array(list(b))) for a, b in zip(*signatures, strict=True)])
    assert abs(agree - (expected + (1 - expected) / 256)) < 0.03


def test_near_texts_are_one_cluster_and_others_are_not() -> None:
    bases = texts(20, seed=2)
    near = [changed(words, 1) for words in bases[:5]]
    signatures = [signature_of(runs) for runs in runs_of([*bases, *near])]
    assert count_clusters(signatures) == 20
    assert count_clusters(signatures[:20]) == 20
    assert count_clusters([]) == 0


def test_clusters_are_chains_in_any_order() -> None:
    bases = texts(1, seed=3)
    chain = [
        [f"other {word}" if index < 3 * step else word for index, word in enumerate(bases[0])] for step in range(8)
    ]
    signatures = [signature_of(runs) for runs in runs_of(chain)]
    assert count_clusters([signatures[0], signatures[-1]]) == 2, "the ends are far apart"
    for seed in range(3):
        random.Random(seed).shuffle(signatures)
        assert count_clusters(signatures) == 1
