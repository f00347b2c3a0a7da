"""The one error that ends a URL or an image, and how it travels through img2dataset, which keeps only its text."""

from curation.reasons import Reason
from curation.redaction import redact_message


class RejectedError(Exception):
    """A URL or an image goes no further.

    Args:
        reason: the code that is counted.
        detail: what happened, for a person; the same for the same answer of the network.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"

    @classmethod
    def parse(cls, message: str) -> "RejectedError":
        """Read back `str(error)`; a text from elsewhere is `download_failed`, or `bad_url` where urllib says so."""
        code, colon, detail = message.partition(": ")
        if colon and code in set(Reason):
            return cls(Reason(code), redact_message(detail))
        if message.startswith("unknown url type"):
            return cls(Reason.BAD_URL, "no scheme in the URL")
        return cls(Reason.DOWNLOAD_FAILED, redact_message(message))
