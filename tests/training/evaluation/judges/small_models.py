"""Small random models that answer questions about images, saved as their real kin are published."""

from pathlib import Path

import torch
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForQuestionAnswering,
    BlipImageProcessor,
    BlipProcessor,
    ViltConfig,
    ViltForQuestionAnswering,
    ViltImageProcessor,
    ViltProcessor,
)

_TEXT = "yes no perhaps red green blue is it a the cat dog on what colour ? , ."
WORDS = _TEXT.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ANSWERS = ["no", "2", "yes", "red"]
_SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_blip(folder: Path, *, bias: float = 0.0) -> None:
    """BLIP with [DEC] and [ENC] behind its tokenizer's vocabulary, as the published one has them.

    Args:
        folder: where to.
        bias: added to how likely yes and no are, so that free answers are often one of them.
    """
    tokenizer = _tokenizer(folder)
    vision = {"image_size": 16, "patch_size": 8, **_SHAPE}
    text = {
        "vocab_size": len(tokenizer) + 2, "bos_token_id": len(tokenizer), "sep_token_id": 3, "eos_token_id": 3,
        "pad_token_id": 0, "max_position_embeddings": 32, "encoder_hidden_size": 32, **_SHAPE,
    }  # fmt: skip
    config = BlipConfig(vision_config=vision, text_config=text, projection_dim=16)
    model = BlipForQuestionAnswering(config)
    _randomise(model)
    ids = tokenizer.convert_tokens_to_ids(["yes", "no"])
    with torch.no_grad():
        model.text_decoder.cls.predictions.bias[ids] += bias
    model.save_pretrained(folder)
    image_processor = BlipImageProcessor(size={"height": 16, "width": 16})
    BlipProcessor(image_processor=image_processor, tokenizer=tokenizer).save_pretrained(folder)


def save_vilt(folder: Path) -> None:
    """ViLT, which chooses one of a list of answers."""
    tokenizer = _tokenizer(folder)
    config = ViltConfig(
        vocab_size=len(tokenizer), image_size=32, patch_size=8, max_position_embeddings=32,
        id2label=dict(enumerate(ANSWERS)), label2id={name: number for number, name in enumerate(ANSWERS)}, **_SHAPE,
    )  # fmt: skip
    model = ViltForQuestionAnswering(config)
    _randomise(model)
    model.save_pretrained(folder)
    image_processor = ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=8)
    ViltProcessor(image_processor=image_processor, tokenizer=tokenizer).save_pretrained(folder)


def _tokenizer(folder: Path) -> BertTokenizerFast:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    return BertTokenizerFast(vocab=vocabulary, do_lower_case=True, model_max_length=32)


def _randomise(model: torch.nn.Module) -> None:
    """Weights so large that answers differ between images and questions."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.dim() > 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
