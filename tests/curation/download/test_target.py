"""Targets: URLs taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.download.rejection import RejectedError
from curation.download.target import Target
from curation.reasons import Reason


@pytest.mark.parametrize(
    ("url", "tls", "host", "port", "path"),
    [
        ("http://Host.example/a.jpg", False, "host.example", 80, "/a.jpg"),
        ("HTTPS://host.example", True, "host.example", 443, "/"),
        ("https://host.example:8443?a=b#c", True, "host.example", 8443, "/?a=b"),
        ("http://[2606:4700::1]:81/", False, "2606:4700::1", 81, "/"),
        (
            "http://bücher.example/ü b.jpg?q=ä ö",
            False,
            "xn--bcher-kva.example",
            80,
            "/%C3%BC%20b.jpg?q=%C3%A4%20%C3%B6",
        ),
        ("http://h/a%20b.jpg?u=http%3A%2F%2Fx", False, "h", 80, "/a%20b.jpg?u=http%3A%2F%2Fx"),
        ("http://h/a'b\"|\x00.jpg", False, "h", 80, "/a'b%22%7C%00.jpg"),
        ("http://safe.example\\@evil.example/", False, "evil.example", 80, "/"),
    ],
)
def test_parse(url: str, tls: bool, host: str, port: int, path: str) -> None:
    target = Target.parse(url)
    assert (target.tls, target.host, target.port, target.path) == (tls, host, port, path)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:,x", "ftp://h/x", "gopher://h/", "javascript:x", "h/x"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Target.parse(url)
    assert caught.value.reason is Reason.SCHEME


@pytest.mark.parametrize(
    "url",
    [
        *["http://", "http:///x", "http://h:port/", "http://h:99999/", "http://[::1/", "http://a..b/", "http://a b/x"],
        f"http://{'a' * 64}.example/",
    ],
)
def test_malformed_urls_are_refused(url: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Target.parse(url)
    assert caught.value.reason is Reason.BAD_URL


@pytest.mark.parametrize("url", ["http://me:pa/ss@h/", "http://me:pass@h:pass/", "http://me:pass@ex\u2100mple.com/"])
def test_what_is_malformed_is_not_repeated(url: str) -> None:
    with pytest.raises(RejectedError) as caught:
        Target.parse(url)
    assert "pa" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_user_and_password_become_a_header() -> None:
    assert Target.parse("http://user:p%40ss@h/").authorization == "Basic dXNlcjpwQHNz"
    assert Target.parse("http://h/").authorization is None


@given(st.text(max_size=30))
def test_any_text_is_quoted_or_refused(text: str) -> None:
    try:
        target = Target.parse("http://h/" + text)
    except RejectedError:
        return
    assert target.path.isascii()
    assert target.path.isprintable()
    assert " " not in target.path
