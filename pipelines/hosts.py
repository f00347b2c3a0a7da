"""Link rot by host: how many of each host's URLs still give an image, and why the others do not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rich.markup import escape
from rich.table import Table

from curation import storage
from curation.ahead import ahead
from curation.dataset import Dataset, Shard
from curation.reasons import Reason
from curation.schemas import SUCCESS
from pipelines.status import READERS, find

SHOWN = 20
NO_HOST = "(no host)"


@dataclass(kw_only=True)
class Host:
    """What became of one host's URLs, over all branches; a URL that was tried again counts each time.

    Args:
        name: of the host, in lower case; `NO_HOST` for URLs that have none.
        tried: URLs.
        failures: reason code to URLs that gave no image.
    """

    name: str
    tried: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The share of its URLs that gave an image."""
        return 1 - self.failures.total() / self.tried


def worst_hosts(folder: str, count: int = SHOWN) -> list[Host]:
    """The hosts below `folder` with the most URLs that gave no image, the worst first, ties by name.

    Memory grows with the number of hosts, not of URLs.

    Raises:
        ValueError: there is no dataset in `folder`, or nothing has been downloaded.
    """
    datasets, _ = find(folder)
    hosts: dict[str, Host] = {}
    for dataset in datasets.values():
        for outcomes in _outcomes(dataset):
            for (name, reason), urls in outcomes.items():
                host = hosts.setdefault(name, Host(name=name))
                host.tried += urls
                host.failures.update({reason: urls} if reason else {})
    if not hosts:
        raise ValueError(f"{folder}: nothing has been downloaded yet")
    return sorted(hosts.values(), key=lambda host: (-host.failures.total(), host.name))[:count]


def _outcomes(dataset: Dataset) -> Iterator[Counter[tuple[str, str]]]:
    """URLs of every shard by host and reason, an empty one for those that gave an image."""
    there = [shard for shard in dataset.shards() if storage.exists(dataset.image_table(shard))]

    def of_shard(shard: Shard) -> Counter[tuple[str, str]]:
        table = storage.read_table(dataset.image_table(shard), ["url", "status", "reason"])
        rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
        return Counter((_host(url), "" if status == SUCCESS else _reason(reason)) for url, status, reason in rows)

    return ahead(of_shard, there, threads=READERS, distance=2 * READERS)


def _reason(code: str | None) -> str:
    return code or Reason.DOWNLOAD_FAILED.value


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or NO_HOST
    except ValueError:
        return NO_HOST


def host_table(hosts: Sequence[Host]) -> Table:
    """A row a host, with its commonest reasons."""
    table = Table(title="hosts with the most links that gave no image", title_justify="left")
    table.add_column("host")
    for column in ("tried", "failed", "yield"):
        table.add_column(column, justify="right")
    table.add_column("reasons")
    for host in hosts:
        reasons = sorted(host.failures.items(), key=lambda item: (-item[1], item[0]))
        said = ", ".join(f"{reason} {urls:,}" for reason, urls in reasons[:4])
        table.add_row(escape(host.name), f"{host.tried:,}", f"{host.failures.total():,}", f"{host.share:.0%}", said)
    return table
