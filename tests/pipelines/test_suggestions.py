from pipelines.suggestions import nearest


def test_the_nearest_name_is_offered() -> None:
    assert nearest("thraeds", ["timeout", "threads"]) == " (did you mean 'threads'?)"


def test_without_a_near_one_all_are_listed() -> None:
    assert nearest("xyz", ["timeout", "threads"]) == " (valid: threads, timeout)"
