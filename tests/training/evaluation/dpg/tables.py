"""DPG-Bench tables for tests: written by hand, or drawn at random."""

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = dict[str, str]

HEADER = [
    "item_id", "text", "keywords", "proposition_id", "dependency", "category_broad", "category_detailed", "tuple",
    "question_natural_language",
]  # fmt: skip
CATEGORIES = ("entity - whole", "entity - part", "attribute - color", "relation - spatial", "global", "other - count")


def row(item_id: str, number: int, dependency: str = "0", category: str = "entity - whole", question: str = "") -> Row:
    return {
        "item_id": item_id,
        "text": f"prompt of {item_id}",
        "keywords": "",
        "proposition_id": str(number),
        "dependency": dependency,
        "category_broad": category.partition(" - ")[0],
        "category_detailed": category.rpartition(" - ")[2],
        "tuple": f"{category} (thing {number}, of {item_id})",
        "question_natural_language": question or f"is proposition {number} of {item_id} so?",
    }


def save(path: Path, rows: Sequence[Mapping[str, str]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def draw(generator: random.Random, items: int = 6) -> list[Row]:
    """Rows in which parents stand anywhere and items are whole, with dependencies that have no circle."""
    rows = []
    for item in range(items):
        numbers = list(range(1, generator.randint(1, 6) + 1))
        order = generator.sample(numbers, len(numbers))  # parents are those before, in this order
        for place, number in enumerate(order):
            parents = generator.sample(order[:place], generator.randint(0, min(2, place)))
            rows.append(row(f"i{item}", number, ", ".join(map(str, parents)) or "0", generator.choice(CATEGORIES)))
        if generator.random() < 0.7:
            rows[-len(numbers) :] = generator.sample(rows[-len(numbers) :], len(numbers))
    return rows
