"""The summary as others write it: plain JSON, with an error for every average."""

import json
from dataclasses import asdict, fields

from captioning.statistics import caption_statistics
from captioning.statistics.summary import CaptionStatistics, StandardErrors


def test_every_average_has_its_standard_error() -> None:
    shares = {"cut_by_clip", "encoder_over_77", "encoder_over_128", "foreign"}
    whole = {"texts", "distinct_nouns", "distinct_nouns_relative_error", "standard_errors", "duplicates"}
    more = {"vocabulary_growth", "noun_growth", "top_words"}
    averages = {field.name for field in fields(CaptionStatistics)} - shares - whole - more
    assert {field.name for field in fields(StandardErrors)} == averages


def test_a_summary_turns_into_json() -> None:
    found = json.loads(json.dumps(asdict(caption_statistics(["a red dog", "a red cat"]))))
    assert found["top_words"]["colours"]["words"] == [["red", 2]]
    assert found["standard_errors"]["words"] == 0.0
    assert found["vocabulary_growth"][-1]["distinct"] == 4
