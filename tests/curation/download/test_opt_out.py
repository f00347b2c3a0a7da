"""Opt-outs: which headers forbid the use, and for whom."""

from email.message import Message

import pytest

from curation.download.opt_out import opt_out


def headers(*values: str, name: str = "X-Robots-Tag") -> Message:
    message = Message()
    for value in values:
        message.add_header(name, value)
    return message


@pytest.mark.parametrize(
    "value",
    [
        *["noai", "noimageai", "noindex", "noimageindex", "noml", "none", "NoAI"],
        *["nofollow, noai", "max-image-preview:large, noai", "max-image-preview: large, noai", "max-snippet:-1,noml"],
        *["unavailable_after: 25 Jun 2010 15:00:00 PST, noai", "unavailable_after: 2010-06-25T15:00:00, noai"],
        *["ellabot: noai", "EllaBot:noai", "*: noai", "img2dataset: noai", "otherbot: noai, ellabot: noml"],
        *["noai; noimageai", "nofollow noai"],
    ],
)
def test_forbidden(value: str) -> None:
    assert opt_out(headers(value), "ellabot") is not None


@pytest.mark.parametrize(
    "value",
    ["", "all", "nofollow", "otherbot: noai", "otherbot: nofollow, noai", "max-image-preview: none", "noaircraft", ":"],
)
def test_allowed(value: str) -> None:
    assert opt_out(headers(value), "ellabot") is None


def test_every_header_of_the_name_counts() -> None:
    assert opt_out(headers("otherbot: noai", "noimageai"), None) == "X-Robots-Tag: noimageai"


@pytest.mark.parametrize(("value", "forbidden"), [("1", True), (" 1 ", True), ("0", False), ("", False)])
def test_tdm_reservation(value: str, forbidden: bool) -> None:
    assert (opt_out(headers(value, name="TDM-Reservation"), None) is not None) is forbidden
