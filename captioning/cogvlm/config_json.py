"""A checkpoint folder's config.json, read strictly: what the model does not know, it does not guess."""

import dataclasses
import difflib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from captioning.cogvlm.config import CogVLMConfig, VisionConfig

FILE = "config.json"

IGNORED = frozenset(
    {
        "_name_or_path",
        "architectures",
        "auto_map",
        "dtype",
        "initializer_range",
        "model_type",
        "torch_dtype",
        "transformers_version",
        "use_cache",
    }
)
"""Fields of published configs that say nothing about the model's shape."""

FIXED: Mapping[str, object] = {"hidden_act": "silu", "tie_word_embeddings": False}
"""Fields of published configs with the one value that the model is written for."""

LLAMA_3_VOCABULARY = 128256
LLAMA_3_DEFAULTS: Mapping[str, object] = {
    "num_multi_query_heads": 8,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128009],
    "pad_token_id": 128002,
}
"""What a published CogVLM2 config.json leaves to its configuration class, `num_multi_query_heads` among it, so that
the vocabulary is all that tells it from a CogVLM."""


def read_config(folder: str | Path) -> CogVLMConfig:
    """Read the config.json in `folder`.

    Raises:
        ValueError: there is none, or it is not a CogVLM's; the message names file and field.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected the folder of a CogVLM checkpoint")
    try:
        return parse_config(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_config(config: CogVLMConfig, folder: str | Path) -> None:
    """Write the config.json that `read_config` reads back."""
    fields = {name: value for name, value in dataclasses.asdict(config).items() if value is not None}
    (Path(folder) / FILE).write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


def parse_config(raw: Any) -> CogVLMConfig:
    """Make a config of the JSON value of a config.json.

    Raises:
        ValueError: a field is unknown, missing, or of a value that the model is not written for.
    """
    for name, value in FIXED.items():
        if isinstance(raw, Mapping) and raw.get(name, value) != value:
            raise ValueError(f"{name} is {raw[name]!r}: only {value!r} is known")
    fields = _fields(CogVLMConfig, raw, IGNORED | FIXED.keys(), "")
    fields["vision_config"] = VisionConfig(**_fields(VisionConfig, fields["vision_config"], (), "vision_config."))
    eos = fields.get("eos_token_id", CogVLMConfig.eos_token_id)
    if not isinstance(eos, int | list | tuple):
        raise ValueError(f"eos_token_id is {eos!r}: expected a token's number, or a list of them")
    fields["eos_token_id"] = (eos,) if isinstance(eos, int) else tuple(eos)
    return CogVLMConfig(**fields)


def _fields(config: type, raw: Any, ignored: Collection[str], prefix: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise ValueError(f"{prefix.rstrip('.') or 'the file'} is {raw!r:.40}: expected a JSON object")
    if raw.get("vocab_size") == LLAMA_3_VOCABULARY:
        raw = {**LLAMA_3_DEFAULTS, **raw}
    known = {field.name: field for field in dataclasses.fields(config)}
    for name in sorted(raw.keys() - {*known, *ignored}):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {prefix}{near[0]}?" if near else ""
        raise ValueError(f"unknown field {prefix}{name}{hint}")
    missing = [prefix + name for name in known if name not in raw and known[name].default is dataclasses.MISSING]
    if missing:
        raise ValueError(f"missing field {', '.join(missing)}")
    return {name: raw[name] for name in known if name in raw}
