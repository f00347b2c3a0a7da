"""Why a row goes no further: every reason code with its sentence, in one place."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason code; `sentence` says it to a person."""

    sentence: str

    def __new__(cls, code: str, sentence: str = "") -> "Reason":  # noqa: D102
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    # Planning
    BAD_URL = "bad_url", "The URL is empty or is not one."
    BAD_ROW = "bad_row", "The row of the source's metadata cannot be read."
    DUPLICATE = "duplicate", "The same URL came before."
    # The address
    SCHEME = "scheme", "The URL is not http or https."
    BLOCKED_ADDRESS = "blocked_address", "The host, or one it redirects to, is not on the public internet."
    TOO_MANY_REDIRECTS = "too_many_redirects", "More redirects than are followed."
    # The answer
    DNS = "dns", "The host's name has no address."
    CONNECTION = "connection", "The server refused or broke the connection."
    TIMEOUT = "timeout", "The server took longer than the deadline."
    TLS = "tls", "The server's certificate is not valid."
    NOT_FOUND = "not_found", "The server says that the image is gone (404 or 410)."
    HTTP_CLIENT = "http_4xx", "The server refuses the request (another 4xx)."
    HTTP_SERVER = "http_5xx", "The server failed (5xx)."
    OPTED_OUT = "opted_out", "The server's headers forbid this use."
    TOO_LARGE = "too_large", "The body is over the size cap."
    TRUNCATED = "truncated", "The body, or the image in it, ends early."
    DOWNLOAD_FAILED = "download_failed", "The download failed in another way; see error_message."
    # The image
    NOT_IMAGE = "not_image", "The body is not an image."
    UNDECODABLE = "undecodable", "The image cannot be decoded."
    TOO_MANY_PIXELS = "too_many_pixels", "The image is over the area cap."
    TOO_SMALL = "too_small", "The image is under the size floor."
    ASPECT_RATIO = "aspect_ratio", "The image is too long and narrow."
    MISSING_MEMBER = "missing_member", "The archive does not hold the image."
    ANIMATED = "animated", "The image is an animation, and those are not wanted."
    QUARANTINED = "quarantined", "Decoding the image kills the process that does it."
    HASH_MISMATCH = "hash_mismatch", "The body is not the one that the metadata describes."
    # Scores and selection
    NO_SCORE = "no_score", "The score is missing or not a number."
    AESTHETIC = "aesthetic", "The aesthetic score is not over the threshold."
    SHORT_EDGE = "short_edge", "The short edge is under the threshold."
    NO_VALUE = "no_value", "The column after the colon, which a bound needs, is empty or of another kind here."
    OUT_OF_BOUNDS = "out_of_bounds", "The column after the colon is outside its bound."
    # Captions
    EMPTY_CAPTION = "empty_caption", "The captioner returned nothing."
    NO_CAPTION = "no_caption", "There is no caption for the image."
    CAPTION_REFUSED = "caption_refused", "The captioner would not answer: the prompt is over its context, or a filter."
    CAPTION_LOOP = "caption_loop", "The caption repeats itself."
    CAPTION_UNFINISHED = "caption_unfinished", "The caption is cut off before its first sentence ends."
    CAPTION_TOO_SHORT = "caption_too_short", "The caption has fewer words than are asked for."
    CAPTION_TOO_LONG = "caption_too_long", "The caption has more words than are allowed, in one sentence."
    # Merging
    DUPLICATE_SAMPLE = "duplicate_sample", "Another branch, earlier in the configuration, has the same sample."
    PLACEHOLDER = "placeholder", "The same file came from so many URLs that it must stand for images that are gone."
    DUPLICATE_IMAGE = "duplicate_image", "An image with a better score is the same file."
    NEAR_DUPLICATE = "near_duplicate", "An image with a better score looks the same: their perceptual hashes agree."


def sentence_of(code: str) -> str:
    """The sentence of a reason code, also of one with a detail after a colon; empty for a code that is none."""
    name = code.partition(":")[0]
    return Reason(name).sentence if name in Reason._value2member_map_ else ""


_TRANSIENT = {Reason.CONNECTION, Reason.TIMEOUT, Reason.HTTP_SERVER}
_TRANSIENT_DETAILS = {
    Reason.DNS: ("Temporary failure", "Try again"),  # as the resolvers of glibc and musl say EAI_AGAIN
    Reason.HTTP_CLIENT: ("HTTP Error 429",),
}


def is_transient(code: str | None, detail: str | None) -> bool:
    """Whether a failed download may end otherwise another day; never a refusal, nor what is gone.

    Args:
        code: of the reason; None for an image that was fetched.
        detail: the error message beside it, which tells a resolver out of order from a name that is none.
    """
    if code not in set(Reason):
        return False
    return code in _TRANSIENT or (detail or "").startswith(_TRANSIENT_DETAILS.get(Reason(code), ()))
