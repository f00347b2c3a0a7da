from captioning.report.word_lists import SHOWN, top_words
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
