import json

from captioning.report.headline import headline
from captioning.report.summary import summary
from tests.captioning.report.build import report


def test_the_numbers_are_plain_json_and_the_same_twice() -> None:
    assert json.dumps(summary(report())) == json.dumps(summary(report()))


def test_everything_on_the_page_but_the_samples_is_in_it() -> None:
    numbers = json.loads(json.dumps(summary(report())))
    assert numbers["headline"] == headline(report())
    alt_text = numbers["texts"]["laion alt-text"]
    assert (alt_text["texts"], alt_text["words"], alt_text["is_caption"]) == (2, 2.0, False)
    assert alt_text["lengths_in_words"] == {"2": 2}
    assert alt_text["lengths_in_clip_tokens"] == {"4": 2}
    assert numbers["texts"]["laion new"]["cut_by_clip"] == 0.5
    assert numbers["texts"]["laion new"]["top_words"]["colours"]["words"] == [["red", 20], ["blue", 1]]
    assert numbers["steps"][1] == {
        "source": "laion",
        "name": "downloaded",
        "rows": 100,
        "kept": 80,
        "rejects": {"not_found": 20},
    }
    assert numbers["scores"][0]["threshold"] == 6.0
