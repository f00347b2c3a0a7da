"""Makes every model that the pipeline loads in the miniature world, small and in the published layouts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.pipeline import Say

RECORD = "models.json"

_RANDOM = "Random weights, never trained: what it puts out is noise in the right shape."
_HEAD = "Fitted on drawings: the score follows how vivid a scene is and knows nothing else of beauty."
_COGVLM = "Trained for seconds on drawings: its captions read well, and what they say of the things in them is guessed."
_TEXTS = 400


def make_models(folder: Path, say: Say, *, seed: int) -> None:
    """Write `clip/`, `cogvlm/`, `cogvlm-tokenizer/`, `stable-diffusion/`, `t5/` and `models.json` into `folder`.

    The same seed gives the same bytes, on the same machine with the same libraries.

    Args:
        folder: an empty one.
        say: takes a line about what is being made.
        seed: of all weights.
    """
    from captioning.prompts import PROMPT
    from pipelines.miniature import aesthetic, captioner, networks, vocabularies

    texts = [dense_caption(scene) for scene in make_scenes(_TEXTS, seed=-1 - seed)]
    question = f"Question: {PROMPT} Answer:"  # often enough for its words to become tokens

    say("models: a small CLIP, and an aesthetic head fitted to it")
    head = aesthetic.make_clip(folder / "clip", seed)
    say("models: a small CogVLM, trained for some seconds")
    vocabularies.save_llama(folder / "cogvlm-tokenizer", [*texts, *[question] * 20])
    cogvlm = captioner.make_cogvlm(folder / "cogvlm", folder / "cogvlm-tokenizer", seed)
    say("models: a small Stable Diffusion and a small T5, both random")
    with _no_progress_bars():
        vocabulary = vocabularies.save_clip(folder / "stable-diffusion" / "tokenizer", texts)
        networks.save_stable_diffusion(folder / "stable-diffusion", seed, vocabulary)
        vocabulary = vocabularies.save_t5(folder / "t5", texts)
        networks.save_t5(folder / "t5", seed, vocabulary)

    record = {
        "settings": {"seed": seed},
        "models": {
            "clip": {"trained": False, "note": _RANDOM},
            "clip/aesthetic_head.pth": {"trained": True, "note": _HEAD, "held_out": head},
            "cogvlm": {"trained": True, "note": _COGVLM, "held_out": cogvlm},
            "stable-diffusion": {"trained": False, "note": _RANDOM},
            "t5": {"trained": False, "note": _RANDOM},
        },
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing a progress bar for every small file."""
    from transformers.utils import logging as transformers_logging

    enabled = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if enabled:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
