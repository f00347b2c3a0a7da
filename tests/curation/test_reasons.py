import ctypes
import os
import socket

import pytest

from curation.reasons import Reason, is_transient, sentence_of


def test_every_code_is_its_own_and_has_a_sentence() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
    for reason in Reason:
        assert reason.sentence.endswith(".")
        assert reason.value == reason.value.lower()


def test_a_reason_is_its_code_wherever_text_is_expected() -> None:
    assert Reason("dns") is Reason.DNS
    assert f"{Reason.DNS}" == "dns"
    assert {Reason.DNS: 1} == {"dns": 1}


def test_a_detail_after_the_colon_does_not_change_the_sentence() -> None:
    assert sentence_of("dns") == Reason.DNS.sentence
    assert sentence_of("out_of_bounds:punsafe") == Reason.OUT_OF_BOUNDS.sentence
    assert sentence_of("something else") == ""


@pytest.mark.parametrize(
    ("code", "detail", "transient"),
    [
        ("connection", "Connection refused", True),
        ("timeout", "no whole answer in time", True),
        ("http_5xx", "HTTP Error 503: Service Unavailable", True),
        ("http_4xx", "HTTP Error 429: Too Many Requests", True),
        ("http_4xx", "HTTP Error 403: Forbidden", False),
        ("http_4xx", None, False),
        ("dns", "Temporary failure in name resolution", True),
        ("dns", "Name or service not known", False),
        ("not_found", "HTTP Error 404: Not Found", False),
        ("opted_out", "noai", False),
        ("blocked_address", "", False),
        ("tls", "certificate has expired", False),
        ("of another version", "", False),
        (None, None, False),
    ],
)
def test_only_what_may_pass_is_transient(code: str | None, detail: str | None, transient: bool) -> None:
    assert is_transient(code, detail) is transient


@pytest.mark.skipif(os.name != "posix", reason="the words of a C library")
def test_this_systems_resolver_says_it_in_these_words() -> None:
    words = ctypes.CDLL(None).gai_strerror
    words.restype = ctypes.c_char_p
    assert is_transient("dns", words(socket.EAI_AGAIN).decode())
    assert not is_transient("dns", words(socket.EAI_NONAME).decode())
