"""NLTK's data, fetched where it is missing: the tagger and the sentence splitter, by NLTK's own downloader."""

import http.client
import io
import os
from pathlib import Path

from captioning.part_of_speech import PACKAGES, has_nltk_data


def fetch_nltk_data() -> str | None:
    """Fetch what is missing, once for all later runs; None where all is there, or else why it is not, in a line.

    It goes where NLTK looks first: the first folder of NLTK_DATA, or else `~/nltk_data`.
    """
    if has_nltk_data():
        return None
    from nltk.downloader import Downloader

    folder = nltk_folder()
    downloader = Downloader(download_dir=str(folder))
    try:
        for package in PACKAGES:
            # Errors are printed even where they are raised too.
            downloader.download(package, quiet=True, raise_on_error=True, print_error_to=io.StringIO())
    except (OSError, ValueError, TypeError, SyntaxError, http.client.HTTPException) as error:
        return " ".join(str(error).split())
    return None if has_nltk_data() else f"it was fetched into {folder}, where NLTK does not trust it or find it"


def nltk_folder() -> Path:
    """The folder for NLTK's data."""
    named = os.environ.get("NLTK_DATA", "").split(os.pathsep)[0]
    return Path(named).expanduser() if named else Path.home() / "nltk_data"
