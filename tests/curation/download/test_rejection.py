"""Rejections: their way through a text."""

import pytest

from curation.download.rejection import RejectedError
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
