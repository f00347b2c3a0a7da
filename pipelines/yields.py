"""Watches how many links give an image while shards come in: warns when few do, and ends a run when hardly any do."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from curation.dataset import Shard
from curation.reasons import Reason

STAGE = "images"
"""The stage whose rows are links."""

ENOUGH_SHARDS, ENOUGH_LINKS = 2, 50
"""What has to have come in before a share of it says something."""

UNWANTED = frozenset({Reason.TOO_SMALL, Reason.ASPECT_RATIO, Reason.TOO_MANY_PIXELS, Reason.TOO_LARGE})
"""Rejects of a link that works: there is an image, and it is not one that was asked for."""


class LowYieldError(ValueError):
    """So few links give an image that going on would be a waste."""


class YieldWatch:
    """Adds up a branch's links, shard by shard.

    Args:
        branch: its name, for messages.
        warn: the share of links under which `say` is told, once.
        floor: the share under which the run ends.
        say: takes the warning.
        ignore: shards that are not counted: links that failed before fail more often.
    """

    def __init__(
        self, branch: str, *, warn: float, floor: float, say: Callable[[str], None], ignore: Collection[Shard] = ()
    ) -> None:
        self._branch = branch
        self._warn = warn
        self._floor = floor
        self._say = say
        self._ignore = frozenset(ignore)
        self._shards = 0
        self._links = 0
        self._failures: Counter[str] = Counter()
        self._warned = False

    def add(self, shard: Shard, results: Sequence[Mapping[str, Any]]) -> None:
        """Count what the stages did with a shard.

        Raises:
            LowYieldError: the share is under the floor.
        """
        links = [result for result in results if result["stage"] == STAGE]
        if shard in self._ignore or not links:
            return
        self._shards += 1
        for result in links:
            self._links += result["rows"]
            self._failures.update({code: rows for code, rows in result["rejects"].items() if code not in UNWANTED})
        if self._shards >= ENOUGH_SHARDS:
            self.judge()

    def judge(self) -> None:
        """Warn or refuse, where enough links have come in; called at the end of a branch however few its shards.

        Raises:
            LowYieldError: the share is under the floor.
        """
        if self._links < ENOUGH_LINKS:
            return
        share = 1 - self._failures.total() / self._links
        reasons = ", ".join(f"{code} {rows:,}" for code, rows in self._failures.most_common(4))
        said = f"{self._branch}: {share:.0%} of {self._links:,} links gave an image ({reasons})"
        if share < self._floor:
            raise LowYieldError(
                f"{said}, less than min_yield={self._floor:g}: stopped, and what is done stays. Look at the network, "
                "the resolver and the age of the metadata; a lower min_yield goes on all the same"
            )
        if share < self._warn and not self._warned:
            self._warned = True
            self._say(f"warning: {said}, less than warn_yield={self._warn:g}; under {self._floor:.0%} the run stops")
