"""What is said of a scene: a dense caption that is true, an alt-text as the web has them, a text-to-image prompt."""

import random

from pipelines.miniature.scenes import COLOURS, GREY_ENCODINGS, Encoding, Relation, Scene, Thing


def dense_caption(scene: Scene) -> str:
    """Main objects, colours, textures, positions and background in 30 to 70 words, all of it true."""
    sentences = [
        f"{_opening(scene)} {_with_article(scene.first.phrase)} {scene.relation} {_with_article(scene.second.phrase)}.",
        _position(scene),
        _corner(scene),
        f"The background is {scene.background.description}.",
        _shadow(scene),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def alt_text(scene: Scene) -> str | None:
    """Text of the kind found beside images on the web: a file name, an advertisement, a half-truth, "", or None."""
    rng = random.Random(f"alt-text {scene.seed} {scene.index}")
    first, second = scene.first, scene.second
    number = rng.randrange(10_000, 9_999_999)
    wrong = rng.choice([name for name in COLOURS if name != first.colour])
    kinds: list[tuple[float, str | None]] = [
        (2, f"{first.colour.title()} {first.shape} {second.shape} vector stock photo - image {number} | ShapeStock"),
        (2, f"IMG_{number % 10_000:04d}.JPG"),
        (2, f"{wrong} {first.shape} on {scene.background.name}"),
        (2, f"{first.colour} {first.shape} and {second.colour} {second.shape}"),
        (1, f"{first.shape}-{first.texture}-{scene.width}x{scene.height}-final (2)"),
        (1, f"How to draw a {second.shape} in 5 easy steps, free printable worksheet for kids &amp; parents"),
        (1, f"Load image into Gallery viewer, {second.colour.title()} {second.texture.title()} {second.shape.title()}"),
        (1, f"  Buy {first.texture} {first.shape} wallpaper\n online  at the best price - free shipping! "),
        (1, f"{scene.background.description} …"),
        (0.7, ""),
        (0.7, None),
    ]
    weights, texts = zip(*kinds, strict=True)
    chosen: str | None = rng.choices(texts, weights)[0]
    return chosen


def prompt(scene: Scene) -> str:
    """What somebody would have typed to have such a picture made, flags included."""
    rng = random.Random(f"prompt {scene.seed} {scene.index}")
    style = rng.choice(("flat illustration", "paper cut-out", "children's book", "soft light, 8k", "minimalist poster"))
    words = f"{scene.first.phrase} {scene.relation} {scene.second.phrase}, {scene.background.description}, {style}"
    return f"{words} --ar {scene.width}:{scene.height} --v {rng.choice((3, 4, 5))}"


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _opening(scene: Scene) -> str:
    if scene.encoding in GREY_ENCODINGS:
        return "A black-and-white picture of"
    if scene.vividness > 2 / 3:
        return "A vivid picture of"
    return "A washed-out picture of" if scene.vividness < 1 / 3 else "A picture of"


def _position(scene: Scene) -> str:
    first, second = f"the {scene.first.shape}", f"the {scene.second.shape}"
    match scene.relation:
        case Relation.LEFT_OF:
            return f"{first.capitalize()} is on the left side and {second} on the right."
        case Relation.RIGHT_OF:
            return f"{second.capitalize()} is on the left side and {first} on the right."
        case Relation.ABOVE:
            return f"{first.capitalize()} is in the upper half and {second} in the lower half."
        case Relation.BELOW:
            return f"{second.capitalize()} is in the upper half and {first} in the lower half."
        case Relation.INSIDE:
            return f"{second.capitalize()} is in the middle and surrounds {first}, which sits near its top."
        case Relation.BEHIND:
            side = "left" if scene.second.x < scene.first.x else "right"
            return f"{second.capitalize()} is in front, more to the {side}, and covers a part of {first}."


def _corner(scene: Scene) -> str:
    if scene.extra is None:
        return ""
    return f"{_with_article(scene.extra.phrase).capitalize()} is in the {_corner_of(scene.extra)} corner."


def _shadow(scene: Scene) -> str:
    if scene.extra is not None or scene.encoding is Encoding.PNG_ALPHA:
        return ""
    return "Both shapes cast a soft shadow down and to the right."


def _corner_of(thing: Thing) -> str:
    """`upper left`, `lower right`, ...: the quarter of the picture that holds the thing's centre."""
    return f"{'upper' if thing.y < 0.5 else 'lower'} {'left' if thing.x < 0.5 else 'right'}"
