"""What an evaluator asks of a model that looks at images: questions in, answers out, yes or no where it can."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from PIL.Image import Image

from curation.manifest import settings_of
from curation.revision import folder_revision

YES, NO = "yes", "no"

_FIRST_WORD = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a judge says about one image.

    Args:
        text: the answer; exactly `yes` or `no` where it is one of them.
        yes: P(yes) / (P(yes) + P(no)) of the answer's first token; None where the judge gives no probabilities.
    """

    text: str
    yes: float | None = None


class UnansweredError(ConnectionError):
    """Some questions of a call were answered and others were not.

    Args:
        message: what went wrong, and what to do.
        answers: in the order of the questions; None for those without.
    """

    def __init__(self, message: str, answers: Sequence[Answer | None]) -> None:
        super().__init__(message)
        self.answers = answers


class Judge(ABC):
    """A model that answers questions about images.

    A judge is a keyword-only dataclass: its fields are its settings. It is pickled to its workers before `setup`, so a
    constructor stores settings and loads nothing.
    """

    model: str
    """A folder, or the name under which a hub or a server has it."""

    batch_size: int
    """Questions that a call should have; more or fewer change the speed alone."""

    in_threads = False
    """Whether workers may be threads that share this judge, as where a server does the work; processes otherwise."""

    @property
    def identity(self) -> str:
        """Class, model, revision and settings as JSON: what stamps an answer. Known before `setup`.

        Where the model is a folder, a hash of its weights is part of it: other weights there are another judge.
        """
        weights = folder_revision(self.model)
        return json.dumps(settings_of(self) | ({"weights": weights} if weights else {}), sort_keys=True)

    def check(self) -> None:  # noqa: B027 (not every judge has something to check)
        """Look at the settings once, before any worker starts; raise ValueError for what cannot work."""

    def setup(self) -> None:  # noqa: B027 (not every judge loads something)
        """Once a worker, before its first question: load the model.

        Raises:
            ValueError, OSError: the model cannot be used; says what to do.
        """

    @abstractmethod
    def answer(self, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
        """What `questions[i]` is answered about `images[i]`, in order; an answer does not depend on the others.

        Raises:
            ValueError: images and questions differ in number.
            UnansweredError: it failed for some of them; has the answers to the others.
        """


def check_pairs(images: Sequence[Image], questions: Sequence[str]) -> None:
    """Make sure that every image has a question.

    Raises:
        ValueError: the numbers differ.
    """
    if len(images) != len(questions):
        raise ValueError(f"{len(images)} images and {len(questions)} questions: expected a question for each image")


def yes_or_no(reply: str) -> str:
    """`yes` or `no` where that is the first word of a chatty reply ("Yes, it is."), or else the reply as it is."""
    found = _FIRST_WORD.match(reply)
    return found[1].lower() if found else reply.strip()
