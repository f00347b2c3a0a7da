"""What is drawn is what the scene says, and every kind of file gives it back."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, encode, fade, on_white
from pipelines.miniature.scenes import COLOURS, Colour, Encoding, Relation, Scene, Texture, Thing

SCENES = make_scenes(60, seed=5)


def _nearest_colour(scene: Scene, pixel: Colour) -> str:
    return min(COLOURS, key=lambda name: math.dist(pixel, fade(COLOURS[name], scene.vividness)))


def _pixel(picture: Image.Image, x: float, y: float) -> Colour:
    pixel = picture.getpixel((round(x * picture.width), round(y * picture.height)))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def _opened(scene: Scene) -> Image.Image:
    return Image.open(io.BytesIO(encode(scene, draw(scene))[0]))


def _with(encoding: Encoding) -> Scene:
    return next(scene for scene in SCENES if scene.encoding is encoding)


def _plain(relation: Relation, texture: Texture) -> Scene:
    """A vivid red thing over, or under, a blue one with yellow in it."""
    scene = next(scene for scene in SCENES if scene.relation is relation)
    red = replace(scene.first, colour="red", texture=Texture.SOLID)
    blue = replace(scene.second, colour="blue", accent="yellow", texture=texture)
    return replace(scene, first=red, second=blue, vividness=1.0, encoding=Encoding.PNG)


def test_the_named_colour_is_at_the_centre_of_every_thing() -> None:
    for scene in SCENES:
        picture = on_white(draw(scene))
        for thing in scene.things:
            assert _nearest_colour(scene, _pixel(picture, thing.x, thing.y)) == thing.colour, (scene, thing)


def test_what_is_in_front_covers_what_is_behind() -> None:
    scene = _plain(Relation.BEHIND, Texture.SOLID)
    picture = draw(scene)
    # From the centre of the one in front six tenths of its radius towards the other, which is there too.
    way = 0.6 * scene.second.radius * scene.short_edge
    dx, dy = (scene.first.x - scene.second.x) * scene.width, (scene.first.y - scene.second.y) * scene.height
    x = scene.second.x + way * dx / math.hypot(dx, dy) / scene.width
    y = scene.second.y + way * dy / math.hypot(dx, dy) / scene.height
    assert _nearest_colour(scene, _pixel(picture, x, y)) == "blue"
    alone = draw(replace(scene, second=replace(scene.second, x=0.01, y=0.01, radius=0.02)))
    assert _nearest_colour(scene, _pixel(alone, x, y)) == "red"


def _share(scene: Scene, thing: Thing, colour: str) -> float:
    """Of the pixels in the thing's inner half that have the colour."""
    radius = round(0.5 * thing.radius * scene.short_edge)
    x, y = round(thing.x * scene.width), round(thing.y * scene.height)
    patch = draw(scene).crop((x - radius, y - radius, x + radius, y + radius))
    return float((np.linalg.norm(np.asarray(patch, np.float64) - COLOURS[colour], axis=2) < 50).mean())


@pytest.mark.parametrize("texture", Texture)
def test_a_texture_shows_the_second_colour_and_a_smooth_thing_does_not(texture: Texture) -> None:
    scene = _plain(Relation.LEFT_OF, texture)
    shown = _share(scene, scene.second, "yellow")
    assert shown == 0 if texture is Texture.SOLID else 0.03 < shown < 0.75
    assert _share(scene, scene.second, "blue") > 0.2


@pytest.mark.parametrize("index", [0, 3, 7])
def test_vividness_is_seen_in_contrast_and_saturation(index: int) -> None:
    pale, vivid = (np.asarray(draw(replace(SCENES[index], vividness=level)), np.float64) for level in (0.1, 0.9))
    assert vivid.std() > 2 * pale.std()
    assert np.ptp(vivid, axis=2).mean() > 2 * np.ptp(pale, axis=2).mean()


def test_fading_moves_colours_towards_grey() -> None:
    assert fade((214, 40, 44), 1.0) == (214, 40, 44)
    assert np.ptp(fade((214, 40, 44), 0.0)) < 0.3 * np.ptp((214, 40, 44))


def test_a_smaller_drawing_shows_the_same() -> None:
    scene = _with(Encoding.PNG)
    small = draw(scene, short_edge=120)
    assert min(small.size) == 120
    large = np.asarray(draw(scene).resize(small.size, Image.Resampling.BOX), np.float64)
    assert np.abs(np.asarray(small, np.float64) - large).mean() < 8


@pytest.mark.parametrize(
    ("encoding", "file_format", "mode"),
    [
        (Encoding.JPEG, "JPEG", "RGB"),
        (Encoding.JPEG_ROTATED, "JPEG", "RGB"),
        (Encoding.JPEG_GREY, "JPEG", "L"),
        (Encoding.JPEG_CMYK, "JPEG", "CMYK"),
        (Encoding.PNG, "PNG", "RGB"),
        (Encoding.PNG_ALPHA, "PNG", "RGBA"),
        (Encoding.PNG_GREY16, "PNG", "I;16"),
        (Encoding.WEBP, "WEBP", "RGB"),
    ],
)
def test_each_encoding_is_a_file_of_its_kind(encoding: Encoding, file_format: str, mode: str) -> None:
    opened = _opened(_with(encoding))
    assert (opened.format, opened.mode) == (file_format, mode)


@pytest.mark.parametrize(
    "encoding", [Encoding.JPEG, Encoding.JPEG_ROTATED, Encoding.JPEG_CMYK, Encoding.PNG, Encoding.WEBP]
)
def test_a_decoder_that_minds_orientation_and_colours_gets_the_drawing_back(encoding: Encoding) -> None:
    scene = _with(encoding)
    decoded = ImageOps.exif_transpose(_opened(scene)).convert("RGB")
    assert decoded.size == (scene.width, scene.height)
    difference = np.asarray(decoded, np.float64) - np.asarray(draw(scene), np.float64)
    assert np.abs(difference).mean() < 5


def test_all_three_rotations_occur_and_are_undone_by_their_tag() -> None:
    scene, seen = _with(Encoding.JPEG_ROTATED), set()
    for index in range(3):
        turned = replace(scene, index=index)
        opened = _opened(turned)
        seen.add(opened.getexif()[0x0112])
        upright = np.asarray(ImageOps.exif_transpose(opened), np.float64)
        assert np.abs(upright - np.asarray(draw(turned), np.float64)).mean() < 5
    assert seen == {3, 6, 8}


def test_sixteen_bits_hold_the_greys_scaled_up() -> None:
    scene = _with(Encoding.PNG_GREY16)
    wide = np.asarray(_opened(scene))
    assert wide.dtype == np.uint16
    assert (wide // 257 == np.asarray(draw(scene).convert("L"))).all()


def test_transparent_pictures_are_white_on_white_and_black_without_care() -> None:
    opened = _opened(_with(Encoding.PNG_ALPHA))
    middle = (opened.width // 2, 1)
    assert on_white(opened).getpixel(middle) == (255, 255, 255)
    assert opened.convert("RGB").getpixel(middle) == (0, 0, 0)


@pytest.mark.parametrize("encoding", Encoding)
def test_same_scene_same_bytes(encoding: Encoding) -> None:
    scene = _with(encoding)
    assert encode(scene, draw(scene)) == encode(scene, draw(scene))
