"""Secrets taken out of what is written or said: credentials in URLs, and values of the environment that are some."""

import os
import re
from typing import Any

_URL = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s'\"<>]+", re.IGNORECASE)
_USERINFO = re.compile(r"^((?:[a-z][a-z0-9+.\-]*:)?//)?[^/?#\s]*@", re.IGNORECASE)
_INNER_USERINFO = re.compile(
    r"""://(?:[^/?#\s@]*@  # of a URL within a URL
        |[^/?#\s:@]*:(?!\d*[/?#])[^?#\s@]*@)  # with a slash in the password, which is no host and port""",
    re.VERBOSE,
)
_PARAMETER = re.compile(r"([?&;]([^=&;#?\s]+)=)([^&;#?\s]*)")
_NAMES = "signature|token|credential|password|passwd|secret|policy|api-?_?key"
_SECRET_PARAMETER = re.compile(f"{_NAMES}|^(sig|pwd|auth|authorization|key)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(rf"%3A%2F%2F.*(%40|({_NAMES})[\w.-]*%3D)", re.IGNORECASE)
"""A whole URL as the value of a parameter, with a user or a credential in it."""
_SECRET_VARIABLE = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|(API|ACCESS|ACCOUNT|PRIVATE|SECRET)_?KEY)(_|$)", re.IGNORECASE
)
_SHORTEST = 8
"""Characters of a value that is taken for a secret: `true` and `1` are none, and would be found everywhere."""
_HIDDEN = "***"


def redact_url(url: str) -> str:
    """`url` without user, password and the values of parameters that are named like credentials."""

    def hide_secret(match: re.Match[str]) -> str:
        secret = _SECRET_PARAMETER.search(match[2]) or _SECRET_VALUE.search(match[3])
        return _hide(match) if secret else match[0]

    return _PARAMETER.sub(hide_secret, _hide_user(url))


def redact_message(text: str) -> str:
    """`text` without what may be secret: user, password and every query value of URLs, and the environment's secrets.

    Of the environment those variables count whose name says so: HF_TOKEN, AWS_SECRET_ACCESS_KEY, OPENAI_API_KEY, ...
    """
    without_urls = _URL.sub(lambda match: _PARAMETER.sub(_hide, _hide_user(match[0])), text)
    return _without_environment(without_urls)


def redact_settings(value: Any) -> Any:
    """A JSON value whose texts have no user, no password and no credentials in their URLs, nor in anything else."""
    if isinstance(value, dict):
        return {name: redact_settings(item) for name, item in value.items()}
    if isinstance(value, list):
        return [redact_settings(item) for item in value]
    if isinstance(value, str):
        return _without_environment(_URL.sub(lambda match: redact_url(match[0]), value))
    return value


def _without_environment(text: str) -> str:
    secrets = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    for secret in sorted((secret for secret in secrets if len(secret) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def _hide_user(url: str) -> str:
    return _INNER_USERINFO.sub(f"://{_HIDDEN}@", _USERINFO.sub(rf"\g<1>{_HIDDEN}@", url))


def _hide(match: re.Match[str]) -> str:
    return match[1] + _HIDDEN
