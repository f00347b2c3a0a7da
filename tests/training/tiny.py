"""Models of a few thousand weights in the published layouts, and training sets to go with them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from curation import schemas, storage
from curation.dataset import Shard, TrainingSet, sample_id
from curation.tar import TarWriter
from training.batch import Batch
from training.connectors import TimestepAwareSemanticConnector
from training.diffusion import LatentDiffusion
from training.module import ConnectorTraining
from training.text_encoder import TextEncoder

TEXT_WIDTH = 64
CONDITION_WIDTH = 64
POOLED_WIDTH = 24
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (240, 240, 240)}
WORDS = ("<pad>", "</s>", "<unk>", "a", "square", "on", "black", "grey", *COLOURS)


def save_text_encoder(folder: Path, width: int = TEXT_WIDTH) -> str:
    """A T5 encoder of two layers and a word-level tokenizer, as transformers saves them."""
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(WORDS), d_model=width, d_kv=16, d_ff=2 * width, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    T5EncoderModel(config).save_pretrained(folder)
    return str(folder)


def save_decoder(folder: Path, width: int = TEXT_WIDTH) -> str:
    """A LLaMA of two layers with its head, and a tokenizer that starts each text and, like LLaMA's, cannot pad."""
    words = ("<unk>", "<s>", "</s>", *WORDS[3:])
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", padding_side="left"
    ).save_pretrained(folder)
    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def save_diffusion(folder: Path, width: int = CONDITION_WIDTH, prediction_type: str = "epsilon") -> str:
    """A U-Net of two levels, a VAE that shrinks by 8 and a scheduler, in the folders of a Stable Diffusion pipeline."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width, attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    scheduler = DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type=prediction_type
    )
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDPMScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return str(folder)


def save_sdxl(folder: Path, width: int = CONDITION_WIDTH, pooled_width: int = POOLED_WIDTH) -> str:
    """`save_diffusion` with what SDXL has beside it: a U-Net that is told sizes and reads a pooled text embedding."""
    save_diffusion(folder, width)
    torch.manual_seed(3)
    UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=width, attention_head_dim=(2, 4), norm_num_groups=8, use_linear_projection=True,
        transformer_layers_per_block=(1, 2), addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=pooled_width + 6 * 8,
    ).save_pretrained(folder / "unet")  # fmt: skip
    words = (*WORDS, "<s>")
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    ends = [("<s>", len(WORDS)), ("</s>", 1)]
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", bos_token="<s>", unk_token="<unk>"
    ).save_pretrained(folder / "tokenizer_2")
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=12, projection_dim=pooled_width, bos_token_id=len(WORDS), eos_token_id=1,
        pad_token_id=0,
    )  # fmt: skip
    CLIPTextModelWithProjection(config).save_pretrained(folder / "text_encoder_2")
    return str(folder)


def picture(colour: str, width: int = 24, height: int = 16) -> bytes:
    """A JPEG of a coloured square on a black ground."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[height // 4 : -height // 4, width // 4 : -width // 4] = COLOURS[colour]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def save_training_set(folder: Path, shards: int = 2, samples: int = 4) -> str:
    """A training set of coloured squares with captions, in the layout of the contract."""
    training_set = TrainingSet(str(folder))
    colours = list(COLOURS)
    for index in range(shards):
        shard = Shard(index=index)
        rows = sorted((sample_id(f"{index}/{number}"), colours[number % len(colours)]) for number in range(samples))
        with storage.atomic_writer(training_set.tar(shard)) as file, TarWriter(file) as tar:
            for key, colour in rows:
                caption = f"a {colour} square on black"
                meta = json.dumps({"sample_id": key, "source": "tiny"}).encode()
                tar.write(key, {"jpg": picture(colour), "txt": caption.encode(), "json": meta})
        columns = {
            "sample_id": [key for key, _ in rows],
            "caption": [f"a {colour} square on black" for _, colour in rows],
        }
        table = {name: columns.get(name, [None] * len(rows)) for name in schemas.TRAINING.names}
        storage.write_table(training_set.table(shard), pa.table(table, schema=schemas.TRAINING))
    return str(folder)


def save_world(folder: Path, shards: int = 2, samples: int = 4) -> str:
    """A run's folder with everything that `training/configs/quickstart.yaml` reads."""
    save_text_encoder(folder / "models" / "t5")
    save_diffusion(folder / "models" / "stable-diffusion")
    save_training_set(folder / "training", shards, samples)
    return str(folder)


def build_training(world: Path, **settings: Any) -> ConnectorTraining:
    """The training of a small connector with the models of `save_world`."""
    torch.manual_seed(0)
    connector = TimestepAwareSemanticConnector(
        text_width=TEXT_WIDTH, width=CONDITION_WIDTH, latents=4, depth=1, heads=4, time_channels=16
    )
    return ConnectorTraining(
        connector,
        text_encoder=lambda: TextEncoder(str(world / "models" / "t5"), length=16),
        diffusion=lambda with_vae: LatentDiffusion(str(world / "models" / "stable-diffusion"), with_vae=with_vae),
        **settings,
    )


def batch(pairs: int, first: int = 0) -> Batch:
    """Coloured squares of 32 pixels with captions, the pairs at the positions from `first` on."""
    colours = [list(COLOURS)[number % len(COLOURS)] for number in range(first, first + pairs)]
    images = [Image.open(io.BytesIO(picture(colour, 32, 32))) for colour in colours]
    pixels = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 127.5 - 1 for image in images])
    return Batch(
        sample_ids=[f"{number:016x}" for number in range(first, first + pairs)],
        positions=torch.arange(first, first + pairs),
        sizes=torch.tensor([[48, 64]] * pairs),
        crops=torch.tensor([[0, 5]] * pairs),
        pixels=pixels,
        captions=[f"a {colour} square on black" for colour in colours],
    )
