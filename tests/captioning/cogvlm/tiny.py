"""Small CogVLMs of both kinds, and a tokenizer of as many words as they know."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from captioning.cogvlm import CogVLM, CogVLMConfig, VisionConfig

VOCABULARY = 50
SENTENCE = "Question : Short answer Answer Describe this image in detail . What is it ? red blue cat dog"


def small_config(*, v2: bool, layers: int = 2) -> CogVLMConfig:
    """Uneven widths, so that no two can be confused; large epsilons, so that each matters."""
    return CogVLMConfig(
        hidden_size=32,
        intermediate_size=44,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_multi_query_heads=2 if v2 else None,
        vocab_size=VOCABULARY,
        max_position_embeddings=64,
        rms_norm_eps=1e-2,
        vision_config=VisionConfig(
            image_size=24,
            patch_size=6,
            hidden_size=18,
            intermediate_size=28,
            num_heads=2,
            num_hidden_layers=2,
            num_positions=17,
            layer_norm_eps=2e-2,
        ),
    )


def random_model(config: CogVLMConfig) -> CogVLM:
    """A model in which every tensor, norms and biases too, has values of its own."""
    model = CogVLM(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        tensor.copy_(1 + 0.3 * noise if "norm" in name and name.endswith("weight") else 0.15 * noise)
    # So little variance that the epsilon of the adapter's norm shows.
    model.model.vision.linear_proj.linear_proj.weight.mul_(0.01)
    return model


def save_tokenizer(folder: Path) -> None:
    """Write a tokenizer that splits at white space and punctuation, and puts BOS in front unless told not to."""
    words = ["<unk>", "<s>", "</s>", *SENTENCE.split()]
    words += [f"w{index}" for index in range(VOCABULARY - len(words))]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $0", special_tokens=[("<s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
