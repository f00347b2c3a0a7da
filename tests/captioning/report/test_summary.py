import json
from pathlib import Path

from captioning.report.content import Outcomes, Report
from captioning.report.headline import headline
from captioning.report.summary import summary
from tests.captioning.report.build import report, text_set
from tests.captioning.tiny_tokenizer import save_tokenizer


def test_the_numbers_are_plain_json_and_the_same_twice() -> None:
    assert json.dumps(summary(report())) == json.dumps(summary(report()))


def test_a_text_encoders_lengths_are_in_it(tmp_path: Path) -> None:
    encoder = save_tokenizer(tmp_path)
    shown = summary(Report(title="x", texts=[text_set("file", ["a red dog"], encoder=encoder)]))["texts"]["file"]
    assert shown["text_encoder"] == encoder
    assert shown["lengths_in_encoder_tokens"] == {"4": 1}
    assert (shown["encoder_tokens"], shown["encoder_over_128"]) == (4.0, 0.0)


def test_everything_on_the_page_but_the_samples_is_in_it() -> None:
    outcomes = [Outcomes(source="laion", captions=9, finish_reasons={"stop": 9}, rules={"opening": 2})]
    numbers = json.loads(json.dumps(summary(report(outcomes=outcomes))))
    assert numbers["headline"] == headline(report())
    alt_text = numbers["texts"]["laion alt-text"]
    assert (alt_text["texts"], alt_text["words"], alt_text["is_caption"]) == (2, 2.0, False)
    assert alt_text["lengths_in_words"] == {"2": 2}
    assert alt_text["lengths_in_clip_tokens"] == {"4": 2}
    assert alt_text["alt_text_overlap"] is alt_text["text_encoder"] is None
    new = numbers["texts"]["laion new"]
    assert new["cut_by_clip"] == 0.5
    assert new["alt_text_overlap"]["pairs"] == 2
    assert new["duplicates"]["exact"] == 0.0
    assert new["foreign"] == 0.0
    assert numbers["texts"]["laion new"]["top_words"]["colours"]["words"] == [["red", 20], ["blue", 1]]
    assert numbers["steps"][1] == {
        "source": "laion",
        "name": "downloaded",
        "rows": 100,
        "kept": 80,
        "rejects": {"not_found": 20},
    }
    assert numbers["outcomes"] == [
        {"source": "laion", "captions": 9, "finish_reasons": {"stop": 9}, "flags": {}, "rules": {"opening": 2}}
    ]
    assert numbers["scores"][0]["threshold"] == 6.0
