"""What a training logged, read back from disk: Lightning's CSV files and TensorBoard's."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

Series = dict[int, float]
"""Values of one metric by the step that they were logged at, in order."""

DEPTHS = ("", "*/", "*/*/")
"""How deep below a folder a run's files stand: in it, or in the folders of its connector and its logger."""


def find(folder: str, name: str) -> list[Path]:
    """Files called `name`, which may be a pattern, in the folder of a run, the nearest first."""
    return [path for depth in DEPTHS for path in sorted(Path(folder).glob(depth + name))]


def read_metrics(folder: str) -> dict[str, Series]:
    """Every metric that a run logged, by name; where a run was resumed, a step's last value."""
    metrics: dict[str, Series] = defaultdict(dict)
    for name, step, value in _csv_values(folder):
        metrics[name][step] = value
    for name, step, value in _tensorboard_values(folder):
        metrics[name][step] = value
    return {name: dict(sorted(series.items())) for name, series in metrics.items()}


def _csv_values(folder: str) -> Iterable[tuple[str, int, float]]:
    for path in find(folder, "metrics.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                step = int(row.pop("step"))
                yield from ((name, step, float(value)) for name, value in row.items() if value)


def _tensorboard_values(folder: str) -> Iterable[tuple[str, int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        SCALARS,
        EventAccumulator,
    )

    for path in find(folder, "events.out.tfevents.*"):
        events = EventAccumulator(str(path), size_guidance={SCALARS: 0})  # 0: all of them
        events.Reload()
        for name in events.Tags()[SCALARS]:
            yield from ((name, event.step, event.value) for event in events.Scalars(name))
