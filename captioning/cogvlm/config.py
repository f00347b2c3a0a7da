"""The shape of a CogVLM, under the names of its published config.json."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, get_args

Template = Literal["chat", "vqa", "base"]
"""How a question is put to the model; each checkpoint was tuned for one of them."""


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """The vision transformer.

    Args:
        image_size: edge of the square image, in pixels.
        patch_size: edge of a patch, in pixels.
        hidden_size: width.
        intermediate_size: width inside the MLP.
        num_heads: attention heads.
        num_hidden_layers: layers.
        num_positions: learned positions: one a patch, and one for the class embedding.
        in_channels: colour channels.
        layer_norm_eps: epsilon of the layers' norms.
        hidden_act: activation of the MLP; "gelu" (exact) alone is known.
        dropout_prob: dropout in training; unused in inference.

    Raises:
        ValueError: the numbers contradict one another.
    """

    image_size: int
    patch_size: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_hidden_layers: int
    num_positions: int
    in_channels: int = 3
    layer_norm_eps: float = 1e-6
    hidden_act: str = "gelu"
    dropout_prob: float = 0.0

    def __post_init__(self) -> None:
        _require_numbers(self)
        if self.hidden_act != "gelu":
            raise ValueError(f"vision_config.hidden_act is {self.hidden_act!r}: only 'gelu' is known")
        if self.in_channels != 3:
            raise ValueError(f"vision_config.in_channels is {self.in_channels}: images are RGB, so expected 3")
        _require_multiple("vision_config.hidden_size", self.hidden_size, self.num_heads)
        if self.num_positions != self.grid**2 + 1:
            raise ValueError(
                f"vision_config.num_positions is {self.num_positions}: images of {self.image_size} px in patches of "
                f"{self.patch_size} px need {self.grid**2 + 1}"
            )

    @property
    def grid(self) -> int:
        """Patches along an edge."""
        return self.image_size // self.patch_size


@dataclass(frozen=True, kw_only=True)
class CogVLMConfig:
    """CogVLM (v1: Vicuna with a visual expert) or CogVLM2 (v2: Llama-3, grouped queries, a quarter of the patches).

    A config with `num_multi_query_heads` is a CogVLM2's, one without it a CogVLM's.

    Args:
        hidden_size: width.
        intermediate_size: width inside each expert's MLP, and inside the adapter.
        num_hidden_layers: layers.
        num_attention_heads: query heads.
        vocab_size: tokens, the tokenizer's added ones included.
        max_position_embeddings: rotary positions; all patches of an image share one.
        vision_config: the vision transformer.
        num_multi_query_heads: key and value heads (v2); None for as many as query heads (v1).
        rms_norm_eps: epsilon of the language model's norms.
        template_version: the template that the checkpoint was tuned for.
        bos_token_id: the token that starts every sequence.
        eos_token_id: the tokens that end a text.
        pad_token_id: the token that fills up a batch.

    Raises:
        ValueError: the numbers contradict one another.
    """

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    max_position_embeddings: int
    vision_config: VisionConfig
    num_multi_query_heads: int | None = None
    rms_norm_eps: float = 1e-5
    template_version: Template = "chat"
    bos_token_id: int = 1
    eos_token_id: tuple[int, ...] = (2,)
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        _require_numbers(self)
        _require_multiple("hidden_size", self.hidden_size, self.num_attention_heads)
        _require_multiple("num_attention_heads", self.num_attention_heads, self.num_key_value_heads)
        if self.head_dim % 2:
            raise ValueError(f"heads are {self.head_dim} wide: rotary positions need an even width")
        if self.is_v2 and self.vision_config.grid % 2:
            raise ValueError(f"an image is {self.vision_config.grid} patches wide: CogVLM2 needs an even number")
        if self.template_version not in get_args(Template):
            raise ValueError(f"template_version is {self.template_version!r}: expected {', '.join(get_args(Template))}")
        if not self.eos_token_id:
            raise ValueError("eos_token_id is empty: expected the token that ends a text, or several")
        for token in (self.bos_token_id, *self.eos_token_id, self.pad_token_id):
            if type(token) is not int or not 0 <= token < self.vocab_size:
                raise ValueError(f"special token {token!r} is outside the vocabulary of {self.vocab_size}")

    @property
    def is_v2(self) -> bool:
        """Whether this is a CogVLM2."""
        return self.num_multi_query_heads is not None

    @property
    def num_key_value_heads(self) -> int:
        """Key and value heads."""
        return self.num_attention_heads if self.num_multi_query_heads is None else self.num_multi_query_heads

    @property
    def head_dim(self) -> int:
        """Width of an attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def rotary_base(self) -> float:
        """Base of the rotary frequencies: the base language model's, a constant of the published code."""
        return 500_000.0 if self.is_v2 else 10_000.0

    @property
    def num_patches(self) -> int:
        """Image tokens of one image, the two that mark its begin and end not counted."""
        grid = self.vision_config.grid // 2 if self.is_v2 else self.vision_config.grid
        return grid**2


def _require_numbers(config: VisionConfig | CogVLMConfig) -> None:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        least = 0 if field.name.endswith("_token_id") else 1
        counts = field.type is int or (field.type == int | None and value is not None)
        if counts and (type(value) is not int or value < least):
            raise ValueError(f"{field.name} is {value!r}: expected a whole number from {least} up")
        if field.type is float and (type(value) not in (int, float) or not 0 <= value < 1):
            raise ValueError(f"{field.name} is {value!r}: expected a number from 0 to below 1")


def _require_multiple(name: str, value: int, divisor: int) -> None:
    if divisor < 1 or value % divisor:
        raise ValueError(f"{name} is {value}: expected a multiple of {divisor}, so that heads are equally wide")
