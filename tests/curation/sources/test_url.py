"""One spelling for URLs: what is changed, what is kept, what is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.sources.url import normalise_url


@pytest.mark.parametrize(
    ("url", "normalised"),
    [
        ("http://host.org/a/B.jpg?q=1&r=%2F", "http://host.org/a/B.jpg?q=1&r=%2F"),
        ("HTTP://Host.ORG/A.jpg", "http://host.org/A.jpg"),
        ("http://host.org:80/a", "http://host.org/a"),
        ("https://host.org:0443/a", "https://host.org/a"),
        ("https://host.org:80/a", "https://host.org:80/a"),
        ("http://host.org/a#top", "http://host.org/a"),
        ("http://host.org", "http://host.org/"),
        ("http://host.org?q", "http://host.org/?q"),
        ("http://host.org/a b|c", "http://host.org/a%20b%7Cc"),
        ("http://host.org/é?ü=\u4e2d", "http://host.org/%C3%A9?%C3%BC=%E4%B8%AD"),
        ("http://Bücher.de/", "http://xn--bcher-kva.de/"),
        ("http://host.org/%zz%c3", "http://host.org/%zz%c3"),
        ("http://User:Pass word@host.org/", "http://User:Pass%20word@host.org/"),
        ("http://[2001:DB8:0:0::1]:80/", "http://[2001:db8::1]/"),
        (" \t http://host.org/a\nb\x00 ", "http://host.org/ab"),
        ("http://host.org/\x01a", "http://host.org/%01a"),
        ("http://2130706433/", "http://2130706433/"),
        ("FTP://Host.org/A b#c", "ftp://Host.org/A%20b"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("data:image/png;base64,AA==", "data:image/png;base64,AA=="),
    ],
)
def test_url_is_normalised(url: str, normalised: str) -> None:
    assert normalise_url(url) == normalised


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "None",
        "//host.org/a",
        "/a.jpg",
        "http://",
        "http:///a.jpg",
        "http:a.jpg",
        "http://ho st/",
        "http://a..b/",
        "http://\u2100.com/",  # its compatibility form holds a slash: it would change the host
        "http://host.org:99999/",
        "http://host.org:8o/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        f"http://{'a' * 64}é.org/",
        f"http://{'a.' * 130}org/",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected|host|label"):
        normalise_url(url)


LABEL = st.text(string.ascii_letters + string.digits + "-_éß中", min_size=1, max_size=8)
HOST = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
TAIL = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
URL = st.builds(
    lambda scheme, host, port, tail: f"{scheme}://{host}{port}/{tail}",
    st.sampled_from(["http", "https", "HTTPS", "ftp"]),
    HOST,
    st.sampled_from(["", ":80", ":443", ":8080", ":"]),
    TAIL,
)


def _normalised_or_none(url: str) -> str | None:
    try:
        return normalise_url(url)
    except ValueError:
        return None


@given(URL | st.text())
def test_normalising_twice_changes_nothing(url: str) -> None:
    once = _normalised_or_none(url)
    assert once is None or normalise_url(once) == once


@given(URL | st.text())
def test_a_normalised_url_is_printable_ascii_without_fragment(url: str) -> None:
    once = _normalised_or_none(url)
    assert once is None or (set(once) <= set(map(chr, range(0x21, 0x7F))) and "#" not in once)


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z0-9_-]{1,5}(\.[a-z0-9_-]{1,5}){0,3}", fullmatch=True),
    st.text(string.ascii_letters + string.digits + "._~!$&'()*+,;=:@%/?-", max_size=30),
)
def test_different_plain_urls_stay_as_they_are_and_so_different(scheme: str, host: str, tail: str) -> None:
    url = f"{scheme}://{host}/{tail}"
    assert normalise_url(url) == url
    assert normalise_url(f"{url}#fragment") == url
    assert normalise_url(url.replace(f"{scheme}://{host}", f"{scheme}://{host}".upper())) == url
