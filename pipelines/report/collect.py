"""One report of several paths: each is looked at, and the right reader asked for what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest

from captioning.encoder_tokens import encoder_tokenizer
from captioning.part_of_speech import has_nltk_data, nltk_data_advice
from captioning.report.content import Outcomes, Report, Sample, Scores, Step, TextSet
from captioning.report.gallery import SHOWN
from captioning.report.headline import percent
from curation import storage
from curation.dataset import Dataset, sample_id
from pipelines.errors import UsageError
from pipelines.report import datasets, training_sets
from pipelines.report.measuring import Measured
from pipelines.report.outcomes import outcomes
from pipelines.report.samples import dataset_samples, training_samples
from pipelines.report.text_files import read_texts
from pipelines.status import find, funnels

FOREIGN_SHARE = 0.01
"""From this share on, texts in other scripts are worth a line: the tagger and CLIP know English."""


def check(paths: Sequence[str], *, column: str | None = None, text_encoder: str = "") -> None:
    """Look for what is wrong with the arguments of `collect` and shows at once, before an hour of reading.

    Raises:
        UsageError: a file is not there, is empty, or has no such column.
        ValueError: the text encoder has no tokenizer.
    """
    if text_encoder:
        encoder_tokenizer(text_encoder)
    for path in paths:
        if not _is_folder(path):
            next(read_texts(path, column))


def collect(
    paths: Sequence[str],
    *,
    column: str | None = None,
    sample: int | None = None,
    quick: bool = False,
    text_encoder: str = "",
) -> Report:
    """Everything that a report on `paths` shows.

    Args:
        paths: datasets, training sets, folders of runs, or files of texts.
        column: of the texts in a file.
        sample: measure so many texts of each kind and no more.
        quick: where a dataset has no statistics, measure a draw instead of all its texts.
        text_encoder: folder or hub name of a text encoder whose tokens are counted too.

    Raises:
        UsageError: a file cannot be read, or nothing has a caption.
        ValueError, OSError: a dataset is damaged, or the text encoder has no tokenizer.
    """
    check(paths, column=column, text_encoder=text_encoder)
    how = _How(column=column, sample=sample, quick=quick, text_encoder=text_encoder)
    parts = [
        _folder(path, name, len(paths), how) if _is_folder(path) else _file(path, name, how)
        for path, name in zip(paths, _names(paths), strict=True)
    ]
    texts = [one for part in parts for one in part.texts if one.statistics.texts]
    if not texts:
        raise UsageError(f"{', '.join(paths)}: no captions there yet, so there is nothing to report on")
    return Report(
        title=", ".join(_names(paths)),
        texts=texts,
        steps=[step for part in parts for step in part.steps],
        scores=[one for part in parts for one in part.scores],
        outcomes=[one for part in parts for one in part.outcomes],
        samples=sorted((one for part in parts for one in part.samples), key=lambda one: one.sample_id),
        notes=_notes(texts),
        parts_of_speech=has_nltk_data(),
    )


@dataclass(frozen=True, kw_only=True)
class _How:
    """What was asked for; see `collect`."""

    column: str | None
    sample: int | None
    quick: bool
    text_encoder: str


@dataclass(kw_only=True)
class _Part:
    """What one path adds to the report."""

    texts: list[TextSet] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    outcomes: list[Outcomes] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def _folder(path: str, name: str, paths: int, how: _How) -> _Part:
    """A run's branches, one dataset, or one training set; branches are named after their run where there are more."""
    part = _Part()
    prefix = f"{name}/" if paths > 1 else ""
    branches, sets = find(path)
    size = SHOWN // (paths * max(len(branches), 1))
    for branch, dataset in branches.items():
        label = branch if branch == name else f"{prefix}{branch}"
        part.texts += datasets.text_sets(
            label, dataset, sample=how.sample, quick=how.quick, text_encoder=how.text_encoder
        )
        part.scores += filter(None, [datasets.scores(label, dataset)])
        part.outcomes += _outcomes(label, dataset)
        part.samples += dataset_samples(label, dataset, size)
    for step in datasets.steps(funnels(path)):
        part.steps.append(step if step.source == name else replace(step, source=f"{prefix}{step.source}"))
    for training_set in sets if not branches else []:
        part.texts += training_sets.text_sets(training_set, sample=how.sample, text_encoder=how.text_encoder)
        part.samples += training_samples(training_set, size)
    return part


def _outcomes(label: str, dataset: Dataset) -> list[Outcomes]:
    """Of each of a branch's captions, which have the branch's name where there is but one."""
    names = datasets.caption_names(dataset)
    found = (outcomes(label if len(names) == 1 else f"{label} {name}", dataset, name) for name in names)
    return [one for one in found if one]


def _is_folder(path: str) -> bool:
    """A folder of ours holds a manifest, or has folders that do; storage.names is empty for a file."""
    return storage.exists(Dataset(path).manifest()) or bool(storage.names(path))


def _names(paths: Sequence[str]) -> list[str]:
    """The last part of each path; the whole path where two end alike."""
    short = [path.rstrip("/").rpartition("/")[2] or path for path in paths]
    return [path if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)]


def _file(path: str, name: str, how: _How) -> _Part:
    """A file's texts, which have no sample_id but a hash of their own to be drawn by."""
    texts = read_texts(path, how.column)
    if how.sample:
        texts = iter(nsmallest(how.sample, texts, key=sample_id))
    return _Part(texts=[Measured().add(texts, how.text_encoder).text_set((name, "", True), drawn=how.sample)])


def _notes(texts: Sequence[TextSet]) -> list[str]:
    notes = []
    if any(one.statistics.nouns is None for one in texts):
        notes.append(nltk_data_advice())
    sizes = sorted({one.drawn for one in texts if one.drawn})
    notes += [
        f"Measured on a draw by sample_id: {size:,} texts of each kind, or all where there are fewer; what repeats is "
        "counted within the draw, and is more in the whole."
        for size in sizes
    ]
    notes += [
        f"{percent(one.statistics.foreign)} of the texts of {one.name} are mostly in another script than English's; "
        "their parts of speech and their tokens say little."
        for one in texts
        if one.statistics.foreign >= FOREIGN_SHARE
    ]
    sampled = [one.name for one in texts if one.statistics.duplicates.sampled]
    if sampled:
        notes.append(
            f"Repeats of {', '.join(sampled)} are estimated on a sample of the texts (a sketch of bounded size), with "
            "standard errors."
        )
    estimated = [one.name for one in texts if one.statistics.distinct_nouns_relative_error]
    if estimated:
        notes.append(f"Distinct nouns of {', '.join(estimated)} are estimated on a sample of the nouns (a sketch).")
    return notes
