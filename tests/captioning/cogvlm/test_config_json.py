"""config.json: the published ones are read, and nothing unknown is."""

import json
from pathlib import Path
from typing import Any

import pytest

from captioning.cogvlm import CogVLMConfig
from captioning.cogvlm.config_json import parse_config, read_config, write_config

PUBLISHED_VISION = {
    "dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 1792,
    "image_size": 490,
    "in_channels": 3,
    "intermediate_size": 15360,
    "layer_norm_eps": 1e-06,
    "num_heads": 16,
    "num_hidden_layers": 63,
    "num_positions": 1226,
    "patch_size": 14,
}
PUBLISHED = {
    "architectures": ["CogVLMForCausalLM"],
    "auto_map": {"AutoModelForCausalLM": "modeling_cogvlm.CogVLMForCausalLM"},
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-05,
    "template_version": "chat",
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.35.0",
    "use_cache": True,
    "vision_config": PUBLISHED_VISION,
    "vocab_size": 32000,
}


def published(**changes: Any) -> dict[str, Any]:
    return {**PUBLISHED, **changes}


def test_reads_cogvlm() -> None:
    config = parse_config(PUBLISHED)
    assert not config.is_v2
    assert (config.hidden_size, config.vision_config.hidden_size, config.rms_norm_eps) == (4096, 1792, 1e-5)
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, (2,), 0)


def test_a_cogvlm2_is_known_by_its_vocabulary_where_the_key_value_heads_are_left_out() -> None:
    vision = {**PUBLISHED_VISION, "image_size": 1344, "num_positions": 9217}
    raw = published(vocab_size=128256, intermediate_size=14336, vision_config=vision)
    for token in ("bos_token_id", "eos_token_id", "pad_token_id"):
        del raw[token]
    config = parse_config(raw)
    assert config.num_multi_query_heads == 8
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (128000, (128001, 128009), 128002)


def test_what_cogvlm2_says_itself_comes_first() -> None:
    vision = {**PUBLISHED_VISION, "image_size": 1344, "num_positions": 9217}
    raw = published(vocab_size=128256, vision_config=vision, num_multi_query_heads=4, eos_token_id=128001)
    config = parse_config(raw)
    assert (config.num_multi_query_heads, config.eos_token_id) == (4, (128001,))


def test_an_unknown_field_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match="unknown field num_layer_heads"):
        parse_config(published(num_layer_heads=1))
    with pytest.raises(ValueError, match=r"unknown field hidden_sizes; did you mean hidden_size\?"):
        parse_config(published(hidden_sizes=1))
    with pytest.raises(
        ValueError, match=r"unknown field vision_config.pach_size; did you mean vision_config.patch_size"
    ):
        parse_config(published(vision_config={**PUBLISHED_VISION, "pach_size": 14}))


def test_a_field_that_vision_does_not_have_is_not_tolerated_there() -> None:
    with pytest.raises(ValueError, match=r"unknown field vision_config\.use_cache"):
        parse_config(published(vision_config={**PUBLISHED_VISION, "use_cache": True}))


def test_missing_fields_are_named() -> None:
    raw = {name: value for name, value in PUBLISHED.items() if name not in ("hidden_size", "vocab_size")}
    with pytest.raises(ValueError, match="missing field hidden_size, vocab_size"):
        parse_config(raw)


@pytest.mark.parametrize(("name", "value"), [("hidden_act", "relu"), ("tie_word_embeddings", True)])
def test_values_that_the_model_is_not_written_for_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}: only"):
        parse_config(published(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("eos_token_id", value) for value in (None, "abc", ["a"], 1.5, [], [1.5], True)),
        *(("num_multi_query_heads", value) for value in ("2", 0, 1.5)),
        *(("rms_norm_eps", value) for value in ("1e-5", None, float("nan"), -1)),
    ],
)
def test_values_of_another_type_are_refused_by_name(name: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(published(**{name: value})))
    with pytest.raises(ValueError, match=rf"config\.json: .*({name}|special token).*"):
        read_config(tmp_path)


@pytest.mark.parametrize("raw", [[], "text", None])
def test_json_that_is_not_an_object_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="expected a JSON object"):
        parse_config(raw)


def test_comes_back_from_disk_as_it_was(config: CogVLMConfig, tmp_path: Path) -> None:
    write_config(config, tmp_path)
    assert read_config(tmp_path) == config


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.json: no such file; expected the folder of a CogVLM checkpoint"):
        read_config(tmp_path)
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=str(path)):
        read_config(tmp_path)
    path.write_text(json.dumps(published(colour="red")))
    with pytest.raises(ValueError, match=rf"{path}: unknown field colour"):
        read_config(tmp_path)
