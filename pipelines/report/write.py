"""The report's three files: a page to look at, numbers to compute with, a table to paste."""

from captioning.report.content import Report
from captioning.report.page import render
from captioning.report.summary import summary
from captioning.report.table import markdown
from curation import storage

PAGE = "report.html"
NUMBERS = "statistics.json"
TABLE = "statistics.md"


def write(report: Report, folder: str) -> None:
    """Write all three into `folder`: the same report, the same bytes."""
    storage.write_text(storage.join(folder, PAGE), render(report))
    storage.write_json(storage.join(folder, NUMBERS), summary(report))
    storage.write_text(storage.join(folder, TABLE), markdown(report.texts) + "\n")
