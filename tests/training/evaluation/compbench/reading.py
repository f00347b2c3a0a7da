"""A parser without any data: what begins with an article and ends before a word of place is a chunk."""

from training.evaluation.compbench.language import Parser

_ARTICLES = frozenset({"a", "an", "the"})
_NO_NOUNS = frozenset({"red", "green", "blue", "small", "is", "eats", "next", "to", "near", "on", "of", "and", "under"})
_VERBS = frozenset({"eats"})


class ArticleParser(Parser):
    """Reads the plain prompts of these tests as a person would."""

    name = "articles"

    def chunks(self, prompt: str) -> list[str]:
        chunks: list[list[str]] = []
        inside = False
        for word in prompt.split():
            if word.lower() in _ARTICLES:
                chunks.append([])
                inside = True
            inside = inside and word not in {"is", "eats", "next", "near", "on", "of", "and", "under"}
            if inside:
                chunks[-1].append(word)
        return [" ".join(chunk) for chunk in chunks]

    def nouns(self, prompt: str) -> list[str]:
        words = (word.strip(".").lower() for word in prompt.split())
        return [word for word in words if word not in _NO_NOUNS | _ARTICLES]

    def has_verb(self, prompt: str) -> bool:
        return not _VERBS.isdisjoint(prompt.split())
