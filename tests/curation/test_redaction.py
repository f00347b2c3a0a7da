"""What is hidden, and what is left as it is."""

import pytest

from curation.redaction import redact_message, redact_settings, redact_url


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://host/a.jpg?id=12&width=9#top", "https://host/a.jpg?id=12&width=9#top"),
        ("https://user:p@ss@host/a.jpg", "https://***@host/a.jpg"),
        ("//user:pass@host/a.jpg", "//***@host/a.jpg"),
        ("user:pass@host/a.jpg", "***@host/a.jpg"),
        ("https://user:pa/ss@host/a.jpg", "https://***@host/a.jpg"),
        ("https://host/?from=http://me:pw@other/&w=1", "https://host/?from=http://***@other/&w=1"),
        ("https://host/?from=http://other/?token=a&w=1", "https://host/?from=http://other/?token=***&w=1"),
        ("https://host/?from=http%3A%2F%2Fo%2F%3Fx-token%3Da&w=1", "https://host/?from=***&w=1"),
        ("https://host/?from=http%3A%2F%2Fme%3Apw%40o%2F&w=1", "https://host/?from=***&w=1"),
        ("https://host/?from=http%3A%2F%2Fo%2F%3Fid%3Da&w=1", "https://host/?from=http%3A%2F%2Fo%2F%3Fid%3Da&w=1"),
        ("https://host/@name/a@2x.jpg?at=a@b", "https://host/@name/a@2x.jpg?at=a@b"),
        ("https://host:8080/@name/a", "https://host:8080/@name/a"),
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


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "DB_PASSWORD", "apikey"])
def test_secrets_of_the_environment_are_hidden_wherever_they_stand(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "s3cr3t-value")
    assert redact_message("401 for s3cr3t-value.") == "401 for ***."
    assert redact_settings({"a": ["Bearer s3cr3t-value", 1, None]}) == {"a": ["Bearer ***", 1, None]}


@pytest.mark.parametrize(
    ("name", "value"), [("MY_TOKENIZER", "models/t5-xl"), ("HF_TOKEN", "true"), ("KEYS", "abcdefgh")]
)
def test_what_only_looks_like_one_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert redact_message(f"read {value}") == f"read {value}"


def test_a_longer_secret_is_hidden_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abcdefgh")
    monkeypatch.setenv("B_TOKEN", "abcdefgh-and-more")
    assert redact_message("abcdefgh-and-more") == "***"


def test_settings_keep_all_but_credentials() -> None:
    settings = {"metadata": "https://me:pw@host/a.parquet?version=2&token=x", "prompt": "what is @ the top?", "n": 3}
    assert redact_settings(settings) == {
        "metadata": "https://***@host/a.parquet?version=2&token=***",
        "prompt": "what is @ the top?",
        "n": 3,
    }
