"""What captions say about themselves, about feelings, and about what is not there: patterns over one sentence."""

import re

_PICTURE = r"(?:image|picture|photo|photograph|scene|illustration|painting|artwork|drawing|snapshot)"
_FRAME = r"(?:image|picture|photo|photograph|scene)"
_SHOWS = (
    r"(?:(?:shows|depicts|features|displays|presents|portrays|showcases|illustrates|captures|contains|includes)"
    r"|(?:appears|seems) to (?:show|depict|feature|display|portray|capture))"
)
_WE_SEE = r"(?:(?:we|you|one) (?:can )?(?:see|observe|notice))"

PREFIXES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # A chat model's manners and labels.
        r"(?:sure|certainly|of course|absolutely)[!,.] (?=\S)",
        r"here(?:'s|’s| is) (?:a|an|the|your) (?:[\w-]+ ){0,3}(?:description|caption)"
        rf"(?: of (?:the|this) {_PICTURE})?: ?",
        rf"(?:(?:{_PICTURE} )?(?:description|caption)|answer): ",
        # "In this picture, we can see a dog": before a comma, or before what one sees.
        rf"in (?:this|the) {_FRAME},? {_WE_SEE} (?:that )?",
        rf"in (?:this|the) {_FRAME}, ",
        rf"{_WE_SEE} in (?:this|the) {_FRAME},? ",
        # "The image shows a dog", not "The image shows clearly" nor "The scene contains no people".
        rf"(?:this|the) {_FRAME} (?:\w+ly )?{_SHOWS} (?:that )?(?!\w+ly\b|no\b|nothing\b|up\b|off\b|and\b|or\b)",
        rf"(?:this|the) {_FRAME} is of (?=an?\b|the\b|two\b|three\b|several\b|some\b)",
        rf"(?:this|the {_FRAME}|it) is an? (?:image|picture|photo|photograph) (?:of|showing|that shows) ",
    )
)
"""Openings of a text that can go: what follows is a sentence by itself."""

_MOOD = r"(?:mood|atmosphere|ambian?ce|ambience|vibe|tone|feel|feeling|impression|aesthetic)"
_EVOKES = r"(?:evokes|conveys|exudes|radiates|creates|gives off|gives|imparts)"
_SENSE = r"(?:sense|feeling|feelings|mood|atmosphere|ambian?ce|ambience|vibe|air|aura|impression)"

FILLER = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:the )?overall,? {_MOOD}\b",
        rf"the (?:[\w-]+ )?{_MOOD} of (?:the|this) {_PICTURE}\b",
        rf"overall, (?:the|this|it|it's)\b.*\b(?:{_PICTURE}|{_SENSE}|{_MOOD})\b",
        rf"(?:the|this) (?:{_PICTURE}|composition|setting) (?:\w+ly )?{_EVOKES} (?:an? )?"
        rf"(?:[\w-]+,? (?:and )?){{0,4}}{_SENSE}(?: of\b|\.$)",
    )
)
"""Sentences about the mood of a picture and not about what is in it."""

FILLER_CLAUSE = re.compile(
    rf", (?:creating|evoking|conveying|exuding|lending|giving|adding|contributing)\b"
    rf"(?=[^,;.!?]*\b(?:{_SENSE}|{_MOOD}|charm)\b)[^,;.!?]*(?=[.!]$)",
    re.IGNORECASE,
)
"""The end of a sentence: ", creating a serene atmosphere"."""

_NOTHING = (
    r"(?:other |visible |discernible |additional |specific |clear |apparent |notable |identifiable |significant |any )*"
)
_ABSENT = (
    r"(?:texts?|words?|writing|captions?|logos?|watermarks?|people|persons?|humans?|faces?|objects?|elements?|details?"
    r"|information|indications?|signs? of)"
)

NEGATIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:the|this) {_PICTURE} (?:does not|doesn['’]t|did not) (?:\w+ )?"
        r"(?:contain|show|include|have|feature|depict|provide|display)\b",
        rf"(?:the|this) {_PICTURE} (?:contains|shows|has|includes|features) no {_NOTHING}{_ABSENT}\b",
        rf"there (?:is|are|appears? to be|seems? to be) (?:no|not any) {_NOTHING}{_ABSENT}\b",
        rf"there (?:is|are) no .*\b(?:in|within|visible in|present in) (?:the|this) {_FRAME}\.$",
        rf"no {_NOTHING}{_ABSENT} (?:or \w+ )?(?:is|are|can be) (?:visible|present|seen|shown|discernible|found)\b",
    )
)
"""Sentences about what is not there, which a text-to-image model reads as an order for it."""
BUT = re.compile(r"\b(?:but|except|only|instead|other than|apart from)\b", re.IGNORECASE)
"""Says that a sentence of `NEGATIONS` goes on to what is there."""
