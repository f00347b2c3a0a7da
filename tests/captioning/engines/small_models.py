"""Small random vision-language models of two families, saved with the processors that their real kin have."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

CONTEXT = 64
LLAVA = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
QWEN = ["<pad>", "<|im_end|>", "<unk>", "<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|video_pad|>"]
TEXT = "Describe this image . What is it ? A B user assistant red green blue cat dog house tree sky and on the"
_TEMPLATE = """{%% for message in messages %%}{{ message['role'] }}
{%% for part in message['content'] %%}{%% if part['type'] == 'image' %%}%s
{%% else %%}{{ part['text'] }}{%% endif %%}{%% endfor %%}
{%% endfor %%}{%% if add_generation_prompt %%}assistant
{%% endif %%}"""


def save_llava(folder: Path) -> None:
    """CLIP in front of Llama: a fixed number of slots an image."""
    tokenizer = _tokenizer(LLAVA, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8
    )
    text = LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_id=4, image_seq_length=4)
    model = LlavaForConditionalGeneration(config)
    model.generation_config.suppress_tokens = [4]
    _save(model, folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_TEMPLATE % "<image>",
    ).save_pretrained(folder)


def save_qwen(folder: Path) -> None:
    """Qwen2-VL: patches of any number, three-fold rotary positions, several tokens that end a text."""
    tokenizer = _tokenizer(QWEN, eos_token="<|im_end|>", pad_token="<pad>", unk_token="<unk>")
    config = Qwen2VLConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": CONTEXT,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
            "pad_token_id": 0,
            "bos_token_id": None,
            "eos_token_id": 1,
        },
        vision_config={"depth": 2, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 4},
        image_token_id=3,
        vision_start_token_id=4,
        vision_end_token_id=5,
        video_token_id=6,
    )
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = [1, len(tokenizer) - 1]
    model.generation_config.suppress_tokens = [3, 4, 5, 6]
    _save(model, folder)
    size = {"shortest_edge": 64, "longest_edge": 256}  # pixels: 16 patches of 4 at most, merged 2 x 2
    Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=4, size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=4, size=size),
        chat_template=_TEMPLATE % "<|vision_start|><|image_pad|><|vision_end|>",
    ).save_pretrained(folder)


def _tokenizer(special: list[str], **roles: str) -> PreTrainedTokenizerFast:
    words = list(dict.fromkeys([*special, *TEXT.split()]))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=special, model_max_length=CONTEXT, **roles
    )


def _save(model: torch.nn.Module, folder: Path) -> None:
    """Weights so large that texts differ between images, and end now and then."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.dim() > 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)
    model.save_pretrained(folder)
