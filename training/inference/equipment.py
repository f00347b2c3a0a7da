"""Puts a connector between a language model and the U-Net of a diffusers pipeline, in place and reversibly."""

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

from torch import nn

from training.connectors import Connector
from training.diffusion import Pooled
from training.errors import SettingsError
from training.inference.conditioning import ConditionHook
from training.inference.packing import Packing
from training.inference.prompt_encoding import PromptEncoder, ReadsText

_METHOD = "encode_prompt"

_connectors: WeakKeyDictionary[nn.Module, list[Connector]] = WeakKeyDictionary()
"""By U-Net or ControlNet, the connectors that stand before it: as often as pipelines that share it were equipped."""


def equip(
    pipeline: Any,
    connector: Connector,
    text_encoder: ReadsText,
    *,
    with_clip: bool = False,
    pooled: Pooled | None = None,
) -> "Equipped":
    """Make `pipeline` draw what `connector` says; it takes prompts as before, and all of its other options.

    Any Stable Diffusion 1.5 or SDXL pipeline will do: text to image, image to image, inpainting, ControlNet; with any
    scheduler, LoRA or fine-tuned U-Net. Two of its public parts are touched, and given back by `remove`: its
    `encode_prompt` gives text features in the place of CLIP's embeddings, and a hook before its U-Net and ControlNets
    turns them into the connector's condition at every step.

    The connector stays where it stands and in its precision; move it beside the U-Net for speed. Whether a prompt has
    a fixed length or its own is the text encoder's setting.

    Args:
        pipeline: of diffusers, with a `unet` and `encode_prompt`.
        connector: reads the text encoder's features and writes the U-Net's condition.
        text_encoder: the one that the connector was trained with.
        with_clip: put CLIP's embedding of the prompt behind the connector's condition, for names that only the
            U-Net's own text encoder knows and for the trigger words of a LoRA.
        pooled: SDXL's pooled embedding, as in training: `zeros`, that of the pipeline's second text encoder (`clip`),
            or that of the connector's own head (`connector`). None: the connector's if it has one, or else zeros.

    Returns:
        A handle, also a context manager, that takes the connector out again.

    Raises:
        SettingsError: the widths of the three do not fit, it is another kind of pipeline, or it is equipped already.
    """
    if pooled is None:
        pooled = "connector" if connector.pooled_width else "zeros"
    return Equipped(pipeline, connector, text_encoder, with_clip=with_clip, pooled=pooled)


class Equipped:
    """A pipeline with a connector in it, until `remove` or the end of the `with` block."""

    def __init__(
        self, pipeline: Any, connector: Connector, text_encoder: ReadsText, *, with_clip: bool, pooled: Pooled
    ) -> None:
        _check(pipeline, connector, text_encoder)
        pooled_width = _pooled_width(pipeline)
        pools = pooled_width > 0 and pooled == "connector"
        if pools and connector.pooled_width != pooled_width:
            raise SettingsError(
                f"the connector's pooled embedding has {connector.pooled_width} channels and the U-Net reads "
                f"{pooled_width}: set pooled to zeros or clip, whichever the connector was trained with"
            )
        width = connector.output_width
        packing = Packing(text_width=connector.text_width, clip_width=width)
        encoder = PromptEncoder(
            pipeline, text_encoder, packing, with_clip=with_clip, pooled_width=pooled_width, pooled=pooled
        )
        hook = ConditionHook(connector, packing, width, pools=pools)
        self._undo = ExitStack()
        for module in _readers(pipeline):
            self._undo.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
            _connectors.setdefault(module, []).append(connector)
            self._undo.callback(_connectors[module].remove, connector)
        setattr(pipeline, _METHOD, encoder)
        self._undo.callback(delattr, pipeline, _METHOD)

    def remove(self) -> None:
        """Make the pipeline what it was; a second call does nothing."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _readers(pipeline: Any) -> Iterator[nn.Module]:
    """The modules that a pipeline gives its prompt embeddings to."""
    yield pipeline.unet
    if getattr(pipeline, "controlnet", None) is not None:
        yield pipeline.controlnet


def _pooled_width(pipeline: Any) -> int:
    """Channels of the pooled embedding that an SDXL U-Net reads beside six embedded numbers; 0 for other U-Nets."""
    config = pipeline.unet.config
    if config.addition_embed_type != "text_time":
        return 0
    return int(config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim)


def _check(pipeline: Any, connector: Connector, text_encoder: ReadsText) -> None:
    if not hasattr(pipeline, _METHOD) or getattr(pipeline, "unet", None) is None:
        raise SettingsError(
            f"{type(pipeline).__name__} has no {_METHOD} or no U-Net; expected a Stable Diffusion 1.5 or SDXL pipeline"
        )
    if _METHOD in vars(pipeline):
        raise SettingsError(f"this {type(pipeline).__name__} is equipped already: remove that connector first")
    if connector.text_width != text_encoder.width:
        raise SettingsError(
            f"the text encoder gives {text_encoder.width} channels and the connector reads {connector.text_width}: "
            "take the text encoder that the connector was trained with"
        )
    for module in _readers(pipeline):
        for part in getattr(module, "nets", [module]):  # several ControlNets are one module
            if part.config.cross_attention_dim != connector.output_width:
                raise SettingsError(
                    f"the connector gives {connector.output_width} channels and the cross-attention of this "
                    f"{type(part).__name__} reads {part.config.cross_attention_dim}: take a connector that was "
                    "trained for it"
                )
        if any(other is not connector for other in _connectors.get(module, [])):
            raise SettingsError(
                f"this {type(module).__name__} is shared with a pipeline that has another connector: remove that one "
                "first, or load the model a second time"
            )
