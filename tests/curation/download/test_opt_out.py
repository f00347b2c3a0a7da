"""Opt-outs: which headers forbid the use, and for whom."""

from email.message import Message
from urllib.parse import urlencode

import pytest

from curation.download.opt_out import opt_out
from curation.download.rejection import RejectedError
from curation.download.url_guard import FetchLimits, GuardedOpener
from curation.reasons import Reason
from tests.curation.download.server import PNG, Server

ROBOTS = "X-Robots-Tag"
FORBIDDING: list[list[tuple[str, str]]] = [
    *[[(ROBOTS, word)] for word in ("noai", "noimageai", "noindex", "noimageindex", "noml", "none")],
    [(ROBOTS, "NoAI")],
    [(ROBOTS, "  noai\t")],
    [("x-robots-tag", "noai")],
    [("X-ROBOTS-TAG", "NOIMAGEAI")],
    [(ROBOTS, "nofollow, noai")],
    [(ROBOTS, "nofollow,noai")],
    [(ROBOTS, "all, noai")],
    [(ROBOTS, "noai, noimageai")],
    [(ROBOTS, "noai; noimageai")],
    [(ROBOTS, "nofollow noai")],
    [(ROBOTS, ", noai,")],
    [(ROBOTS, '"noai"')],
    [(ROBOTS, "nofollow,\r\n noai")],
    [(ROBOTS, "max-image-preview:large, noai")],
    [(ROBOTS, "max-image-preview: large, noai")],
    [(ROBOTS, "max-snippet:-1,max-video-preview:10,noml")],
    [(ROBOTS, "max-snippet:, noai")],
    [(ROBOTS, "unavailable_after: 25 Jun 2010 15:00:00 PST, noai")],
    [(ROBOTS, "unavailable_after: Friday, 25-Jun-10 15:00:00 UTC, noai")],
    [(ROBOTS, "unavailable_after: 2010-06-25T15:00:00+00:00, noai")],
    [(ROBOTS, "ellabot: noai")],
    [(ROBOTS, "EllaBot:noai")],
    [(ROBOTS, "ellabot: nofollow, noai")],
    [(ROBOTS, "otherbot: nofollow, ellabot : noai")],
    [(ROBOTS, "otherbot: noindex, nofollow, ellabot: noml")],
    [(ROBOTS, "*: noai")],
    [(ROBOTS, "img2dataset: noai")],
    [(ROBOTS, "nofollow"), (ROBOTS, "noai")],
    [(ROBOTS, "otherbot: noindex"), (ROBOTS, "noimageai")],
    [("tdm-reservation", "1")],
    [("TDM-Reservation", " 1 ")],
    [("tdm-reservation", "1"), ("tdm-policy", "https://host.example/policy.json")],
    [("tdm-reservation", "0"), ("tdm-reservation", "1")],
    [("tdm-reservation", "0, 1")],
]
"""What forbids this use: the forms of a directive, of a list, of a value, of an agent, of several headers."""

ALLOWING: list[list[tuple[str, str]]] = [
    [],
    *[[(ROBOTS, value)] for value in ("", ":", "all", "nofollow", "noarchive, nosnippet", "noaircraft", "ai")],
    [(ROBOTS, "otherbot: noai")],
    [(ROBOTS, "otherbot: nofollow, noai")],
    [(ROBOTS, "ellabot: nofollow, otherbot: noai")],
    [(ROBOTS, "max-image-preview: none")],
    [(ROBOTS, "unavailable_after: Friday, 25-Jun-10 15:00:00 UTC")],
    [("tdm-reservation", "0")],
    [("tdm-reservation", "")],
    [("tdm-policy", "https://host.example/policy.json")],
    [("X-Robots", "noai")],
]


def path(form: list[tuple[str, str]]) -> str:
    """Where the server answers with an image under these headers."""
    return "/headers/?" + urlencode([("of", "image"), *form])


def open_form(server: Server, form: list[tuple[str, str]]) -> bytes:
    opener = GuardedOpener(FetchLimits(), allow_hosts=["127.0.0.1"], user_agent_token="EllaBot")
    with opener.open(server.url(path(form))) as answer:
        return bytes(answer.read())


def test_there_are_at_least_thirty_forms_all_different() -> None:
    assert len({path(form) for form in FORBIDDING}) == len(FORBIDDING) >= 30


@pytest.mark.parametrize("form", FORBIDDING, ids=path)
def test_an_opt_out_is_honoured_over_the_network(server: Server, form: list[tuple[str, str]]) -> None:
    with pytest.raises(RejectedError) as caught:
        open_form(server, form)
    assert caught.value.reason is Reason.OPTED_OUT
    assert server.requests[path(form)] == 1


@pytest.mark.parametrize("form", ALLOWING, ids=path)
def test_what_is_no_opt_out_is_fetched(server: Server, form: list[tuple[str, str]]) -> None:
    assert open_form(server, form) == PNG


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
