"""DPG-Bench's published scoring, spelt out slowly from the description of its rules, to compare with.

It shares no code with the evaluator: rows are plain dictionaries as the CSV has them, answers are asked of a function.
"""

from collections.abc import Callable, Mapping, Sequence

Row = Mapping[str, str]
Ask = Callable[[str, int, str], str]
"""Answers a question about one crop of one item: `ask(item_id, crop, question)`."""


def published(rows: Sequence[Row], images: Sequence[str], ask: Ask, pic_num: int) -> dict[str, object]:
    """Overall score and both levels of category, in percent; the overall score is None where no image scored."""
    table: dict[str, dict[int, Row]] = {}
    last_id = ""
    for index in range(len(rows)):
        if index == 0:
            continue
        row = rows[index]
        if row["item_id"] == last_id:
            table[row["item_id"]][int(row["proposition_id"])] = row
        else:
            table[row["item_id"]] = {int(row["proposition_id"]): row}
        last_id = row["item_id"]

    item_scores: list[float] = []
    detailed: dict[str, list[float]] = {}
    for image in images:
        try:
            score, before_zeroing, asked = _one_image(table, image, ask, pic_num)
        except KeyError:
            continue
        item_scores.append(score)
        for number, row in asked.items():
            name = row["tuple"].split("(")[0].strip()
            detailed.setdefault(name, []).append(before_zeroing[number])

    broad: dict[str, list[float]] = {}
    for name, values in detailed.items():
        broad.setdefault(name.split("-")[0].strip(), []).extend(values)
    return {
        "overall": 100 * sum(item_scores) / len(item_scores) if item_scores else None,
        "level1": {name: 100 * sum(values) / len(values) for name, values in broad.items()},
        "level2": {name: 100 * sum(values) / len(values) for name, values in detailed.items()},
    }


def _one_image(
    table: Mapping[str, Mapping[int, Row]], image: str, ask: Ask, pic_num: int
) -> tuple[float, dict[int, float], Mapping[int, Row]]:
    key = image.split(".")[0]
    asked = table[key]
    crop_scores = []
    before_zeroing: dict[int, float] = {}
    scores: dict[int, float] = {}
    for crop in range(pic_num):
        for number in asked:
            scores[number] = 1.0 if ask(key, crop, asked[number]["question_natural_language"]) == "yes" else 0.0
        before_zeroing = dict(scores)
        for number in asked:
            parent_said_no = False
            for text in asked[number]["dependency"].split(","):
                parent = int(text.strip())
                if parent == 0:
                    continue
                if scores[parent] == 0:
                    parent_said_no = True
                    break
            if parent_said_no:
                scores[number] = 0.0
        crop_scores.append(sum(scores.values()) / len(scores))
    return sum(crop_scores) / len(crop_scores), before_zeroing, asked
