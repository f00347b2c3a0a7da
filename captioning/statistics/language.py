"""Whether a text can be English at all, by its letters: the tagger and CLIP know no other language."""


def is_foreign(text: str) -> bool:
    """Whether more than half of the letters are none of English's: Chinese or Russian, but not French, is found so."""
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(letter.isascii() for letter in letters) < len(letters)
