from dataclasses import replace

from captioning.report.word_lists import SHOWN, lost_names, most_repeated, top_words
from captioning.statistics import AltTextOverlap
from captioning.statistics.repeated import RepeatedText
from captioning.statistics.top_words import TopWords
from tests.captioning.report.build import text_set


def test_captions_have_their_words_listed_by_topic_and_alt_texts_do_not() -> None:
    shown = top_words([text_set("laion new", ["a red cat, a red dog"]), text_set("laion alt-text", ["a blue cat"])])
    assert "<h3>laion new</h3>" in shown
    assert "<span>red</span> <b>200</b>" in shown, "twice in one text: 200 times a hundred texts"
    assert "blue" not in shown


def test_a_topic_without_words_is_left_out() -> None:
    shown = top_words([text_set("laion new", ["a red cat"])])
    assert "colours" in shown
    assert "numbers" not in shown


def test_only_the_commonest_are_shown_with_bars_by_the_commonest() -> None:
    colours = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey", "beige"]
    text = " ".join(word for index, word in enumerate(colours) for _ in range(20 - index))
    shown = top_words([text_set("new", [text])])
    listed = shown.partition("<h4>colours</h4>")[2].partition("</section>")[0]
    assert listed.count("<li>") == SHOWN
    assert listed.index("red") < listed.index("orange")
    assert 'style="width:100%"></span><span>red' in listed
    assert 'style="width:95%"></span><span>orange' in listed
    assert "grey" not in listed


def test_lost_names_are_listed_with_their_counts() -> None:
    lost = TopWords()
    lost.update({"como": 3, "<jane>": 1})
    texts = text_set("laion new", ["a lake"], overlap=AltTextOverlap(lost_names=lost).overlap())
    shown = lost_names([texts, text_set("coyo new", ["a cat"])])
    assert "<span>como</span> <b>3</b>" in shown
    assert 'style="width:33%"></span><span>&lt;jane&gt;</span>' in shown
    assert "coyo" not in shown
    assert lost_names([text_set("coyo new", ["a cat"])]) == ""


def test_repeated_texts_are_listed_with_what_their_counts_may_be_short_by() -> None:
    texts = text_set("laion new", ["A cat.", "a cat", "a cat", "a dog"])
    assert "<span>a cat</span> <b>3</b>" in most_repeated([texts])
    assert "a dog" not in most_repeated([texts])
    rough = replace(texts.statistics.duplicates, most_frequent=(RepeatedText(text="a cat", count=3, short_by=1_000),))
    assert "<b>3 to 1,003</b>" in most_repeated(
        [replace(texts, statistics=replace(texts.statistics, duplicates=rough))]
    )
    assert most_repeated([text_set("laion new", ["a cat"])]) == ""


def test_a_word_without_end_is_shortened() -> None:
    shown = top_words([text_set("laion new", [f"red {'1' * 100_000}"])])
    assert "<h4>numbers</h4>" in shown
    assert len(shown) < 10_000
