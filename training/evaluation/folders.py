"""Where the results of evaluations are: `evaluation/` in a run's folder, beside its images."""

from curation import storage

FOLDER = "evaluation"


def beside(images: str) -> str:
    """The folder for the results of the images in `images`."""
    parent, slash, _ = images.rstrip("/").rpartition("/")
    return f"{parent}{slash}{FOLDER}"


def result_path(run: str, file: str) -> str | None:
    """The result called `file` of a run: in its `evaluation/`, or in the folder itself; None where there is none."""
    places = (storage.join(run, FOLDER, file), storage.join(run, file))
    return next((path for path in places if storage.exists(path)), None)
