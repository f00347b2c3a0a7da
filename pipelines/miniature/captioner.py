"""A small CogVLM that is taught, in some seconds, to describe scenes: fluent, and nearly blind.

With random weights it would repeat one token up to the length cap, and every caption would be thrown away. A few
hundred drawings of 56 pixels are enough for captions that read well, end, and mostly name the right background; the
things before it are guesses. How often each is right is measured, and written down in `models.json`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captioning.prompts import PROMPT
from pipelines.miniature.captions import dense_caption
from pipelines.miniature.composition import make_scenes
from pipelines.miniature.drawing import draw, on_white
from pipelines.miniature.networks import seeded
from pipelines.miniature.scenes import Scene

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from captioning.cogvlm import CogVLM

SCENES = 600
HELD_OUT_SCENES = 40
STEPS = 180
_BATCH = 20
_LEARNING_RATE = 6e-3
_EDGE = 96  # pixels of the drawings; the model sees 56
_LONGEST = 120  # tokens; every caption is shorter
_IGNORED = -100


def make_cogvlm(folder: Path, tokenizer_folder: Path, seed: int) -> dict[str, float]:
    """Write a trained CogVLM in its published layout.

    Args:
        folder: is made.
        tokenizer_folder: of the tokenizer that the model is to use.
        seed: of the weights, and of the scenes for training, which no world has.

    Returns:
        On scenes that it was not trained on, the shares of captions that end before the length cap (`ended`), that
        describe the background as it is (`background_right`), and the first thing (`first_thing_right`).
    """
    from transformers import AutoTokenizer

    from captioning.cogvlm.generation import generate
    from captioning.cogvlm.processing import decode

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    scenes = make_scenes(SCENES + HELD_OUT_SCENES, seed=-1 - seed)
    trained_on, held_out = scenes[:SCENES], scenes[SCENES:]
    prompt = encode_prompt(tokenizer)
    texts = [dense_caption(scene) for scene in trained_on]
    with seeded(seed):
        model = _new_model(len(tokenizer))
        _train(model, pixels(model, trained_on), *examples(tokenizer, prompt, texts), seed=seed)
        rows = generate(model, pixels(model, held_out), [prompt] * len(held_out), max_new_tokens=_LONGEST)
    model.save_pretrained(folder)
    written = [decode(tokenizer, row.tokens) for row in rows]
    pairs = list(zip(held_out, written, strict=True))
    return {
        "ended": _share(row.ending == "stop" for row in rows),
        "background_right": _share(scene.background.description in text for scene, text in pairs),
        "first_thing_right": _share(scene.first.phrase in text for scene, text in pairs),
    }


def _share(answers: Iterable[bool]) -> float:
    listed = list(answers)
    return round(sum(listed) / len(listed), 3)


def _new_model(vocabulary: int) -> "CogVLM":
    """Two layers of vision and two of language, all weights random."""
    import torch

    from captioning.cogvlm import CogVLM, CogVLMConfig, VisionConfig

    model = CogVLM(
        CogVLMConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            vocab_size=vocabulary,
            max_position_embeddings=2048,
            vision_config=VisionConfig(
                image_size=56,
                patch_size=14,
                hidden_size=32,
                intermediate_size=64,
                num_heads=2,
                num_hidden_layers=2,
                num_positions=17,
            ),
        )
    )
    # The model is made to have weights loaded over it, so how it begins is for its trainer to say. Vision begins loud:
    # in so few steps the language model would else learn to do without it.
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)
            else:
                weight.normal_(std=1.0 if ".vision." in name else 0.05)
    return model


def pixels(model: "CogVLM", scenes: Sequence[Scene]) -> "Tensor":
    """Drawings as the model takes them: (N, 3, S, S)."""
    from captioning.cogvlm.processing import preprocess

    return preprocess([on_white(draw(scene, _EDGE)) for scene in scenes], model.config.vision_config.image_size)


def encode_prompt(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The question that the recaptioning stage asks by default, as ids."""
    from captioning.cogvlm.processing import encode

    return encode(tokenizer, PROMPT, "chat")


def examples(
    tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[int], texts: Sequence[str]
) -> tuple["Tensor", "Tensor"]:
    """Prompt and caption as ids (N, L), and what is to follow each of them (N, L); the prompt is not learnt."""
    import torch

    captions = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    captions = [[*caption, tokenizer.eos_token_id] for caption in captions]
    length = max(map(len, captions))
    ids = [[*prompt, *caption] + [tokenizer.pad_token_id] * (length - len(caption)) for caption in captions]
    # Shifted by one: the prompt's last token is followed by the caption's first.
    next_ids = [
        [_IGNORED] * (len(prompt) - 1) + caption + [_IGNORED] * (length - len(caption) + 1) for caption in captions
    ]
    return torch.tensor(ids), torch.tensor(next_ids)


def _train(model: "CogVLM", images: "Tensor", ids: "Tensor", next_ids: "Tensor", *, seed: int) -> None:
    """AdamW on the captions' cross-entropy, one learning-rate cycle."""
    import torch
    from torch.nn import functional as F

    optimiser = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, STEPS, pct_start=0.1)
    order = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        batch = torch.randint(len(ids), (_BATCH,), generator=order)
        logits = model(images[batch], ids[batch])[:, -ids.shape[1] :]  # (B, L, vocabulary)
        loss = F.cross_entropy(logits.flatten(0, 1), next_ids[batch].flatten(), ignore_index=_IGNORED)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
