"""Rejections: their way through a text, and what is hidden on it."""

import pytest

from curation.download.rejection import RejectedError, redact_message, redact_url
from curation.reasons import Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_a_rejection_survives_its_text(reason: Reason) -> None:
    parsed = RejectedError.parse(str(RejectedError(reason, "HTTP Error 404: Not Found")))
    assert (parsed.reason, parsed.detail) == (reason, "HTTP Error 404: Not Found")


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        ("unknown url type: 'user:pw@host/x.jpg?sig=1'", Reason.BAD_URL, "no scheme in the URL"),
        ("something: else", Reason.DOWNLOAD_FAILED, "something: else"),
        ("", Reason.DOWNLOAD_FAILED, ""),
        ("dns: at http://u:p@h/?a=b", Reason.DNS, "at http://***@h/?a=***"),
        ("odd http://u:p@h/?a=b", Reason.DOWNLOAD_FAILED, "odd http://***@h/?a=***"),
    ],
)
def test_a_text_from_elsewhere_is_sorted_and_redacted(message: str, reason: Reason, detail: str) -> None:
    parsed = RejectedError.parse(message)
    assert (parsed.reason, parsed.detail) == (reason, detail)


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://host/a.jpg?id=12&width=9#top", "https://host/a.jpg?id=12&width=9#top"),
        ("https://user:p@ss@host/a.jpg", "https://***@host/a.jpg"),
        ("//user:pass@host/a.jpg", "//***@host/a.jpg"),
        ("user:pass@host/a.jpg", "***@host/a.jpg"),
        ("https://host/@name/a@2x.jpg?at=a@b", "https://host/@name/a@2x.jpg?at=a@b"),
        ("https://host/a?X-Amz-Signature=ab&X-Amz-Date=1", "https://host/a?X-Amz-Signature=***&X-Amz-Date=1"),
        ("https://host/a?w=1&sig=ab&apikey=c&access_token=d", "https://host/a?w=1&sig=***&apikey=***&access_token=***"),
        ("https://host/a?design=1&author=me", "https://host/a?design=1&author=me"),
    ],
)
def test_redact_url_hides_credentials_only(url: str, redacted: str) -> None:
    assert redact_url(url) == redacted


def test_redact_message_hides_every_query_value() -> None:
    text = "from 'http://a:b@h/?id=1&w=2' to <ftp://x/?q=3>"
    assert redact_message(text) == "from 'http://***@h/?id=***&w=***' to <ftp://x/?q=***>"
