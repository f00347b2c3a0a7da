"""CogVLM and CogVLM2, written for inference in plain PyTorch: model, checkpoint, generation, captioner."""

from typing import TYPE_CHECKING, Any

from captioning.cogvlm.captioner import CogVLMCaptioner as CogVLMCaptioner
from captioning.cogvlm.config import CogVLMConfig as CogVLMConfig
from captioning.cogvlm.config import VisionConfig as VisionConfig

if TYPE_CHECKING:
    from captioning.cogvlm.model import CogVLM as CogVLM


def __getattr__(name: str) -> Any:
    """Load the model, and PyTorch with it, when it is first asked for."""
    if name == "CogVLM":
        from captioning.cogvlm.model import CogVLM

        return CogVLM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
