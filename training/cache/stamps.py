"""What a cache was made with, what a training asks for, and whether the two fit."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any, Literal

from curation.revision import folder_revision
from training.captions import CaptionMixture
from training.errors import SettingsError

Precision = Literal["float32", "float16", "bfloat16"]

Stamp = dict[str, Any]
"""`kind`, `model` with its `revision`, and what else decides what is in the cache, as JSON."""


def latents_stamp(*, model: str, resolution: int) -> Stamp:
    """What decides latents: the VAE, and the square that it is shown."""
    return {"kind": "latents", **_vae(model), "resolution": resolution, "crop": "center"}


def text_stamp(*, model: str, length: int, attend_to_padding: bool, captions: CaptionMixture) -> Stamp:
    """What decides text features: the encoder, what it makes of padding, and which captions it is shown."""
    return {
        "kind": "text",
        "model": model,
        "revision": folder_revision(model),
        "length": length,
        "attend_to_padding": attend_to_padding,
        "captions": _weights(captions),
    }


def asked_latents(diffusion: object, resolution: int) -> Stamp:
    """The stamp that a training asks for.

    Args:
        diffusion: what will make its diffusion model. Of what is no `functools.partial` with a `path`, which is what a
            configuration gives, nothing is known before it is called, and nothing is asked.
        resolution: side of the square, in pixels.
    """
    settings = _settings(diffusion)
    asked: Stamp = {"kind": "latents", "resolution": resolution, "crop": "center"}
    return {**asked, **_vae(settings["path"])} if "path" in settings else asked


def asked_text(text_encoder: object, captions: CaptionMixture) -> Stamp:
    """The stamp that a training asks for, from what will make its text encoder; see `asked_latents`."""
    settings = _settings(text_encoder)
    asked: Stamp = {"kind": "text", "captions": _weights(captions)}
    if "path" in settings:
        asked |= {"model": settings["path"], "revision": folder_revision(settings["path"])}
    return asked | {key: settings[key] for key in ("length", "attend_to_padding") if key in settings}


def require_match(name: str, stamp: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse a cache that is not what is asked for.

    A model is known by its weights where both sides know them, so that a folder may be moved, else by its path.

    Args:
        name: the cache, for the message.
        stamp: what it was made with.
        asked: what a training, or whoever adds to the cache, asks for; nothing else is compared.

    Raises:
        SettingsError: names every difference, both sides of it.
    """
    compared = set(asked) - {"model", "revision"}
    if "model" in asked:
        compared.add("revision" if stamp.get("revision") and asked["revision"] else "model")
    changed = [
        f"{'model' if key == 'revision' else key} is {_shown(stamp, key)} there and {_shown(asked, key)} here"
        for key in sorted(compared)
        if stamp.get(key) != asked[key]
    ]
    if changed:
        raise SettingsError(
            f"{name}: made with other settings than these: {'; '.join(changed)}. Change them here, or have another "
            "cache made under another name"
        )


def _shown(stamp: Mapping[str, Any], key: str) -> str:
    if key == "revision":
        return f"{stamp.get('model')} ({stamp.get('revision')})"
    return str(stamp.get(key))


def _vae(model: str) -> Stamp:
    return {"model": model, "revision": folder_revision(f"{model.rstrip('/')}/vae")}


def _weights(captions: CaptionMixture) -> dict[str, float]:
    """In one order, so that one mixture has one stamp."""
    return {name: float(weight) for name, weight in sorted(captions.weights.items())}


def _settings(factory: object) -> dict[str, Any]:
    """The arguments, defaults included, with which a partial will call a class; empty where it is none."""
    if not isinstance(factory, functools.partial):
        return {}
    parts = [factory.func, *factory.args]  # jsonargparse's own partials call a function with the class first
    kind = next((number for number, part in enumerate(parts) if inspect.isclass(part)), None)
    if kind is None:
        return {}
    arguments = inspect.signature(parts[kind]).bind_partial(*parts[kind + 1 :], **factory.keywords)
    arguments.apply_defaults()
    return dict(arguments.arguments)
