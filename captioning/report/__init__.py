"""The report on captions: values in, one HTML page, one Markdown table and one JSON file out."""
