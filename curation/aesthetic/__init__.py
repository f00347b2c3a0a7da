"""The aesthetic predictor, CLIP ViT-L/14 with a small head, and the stage that scores images with it."""

from typing import TYPE_CHECKING

from curation.aesthetic.stage import AestheticScore as AestheticScore

if TYPE_CHECKING:
    from curation.aesthetic.head import AestheticHead as AestheticHead
    from curation.aesthetic.predictor import AestheticPredictor as AestheticPredictor


def __getattr__(name: str) -> object:
    """The two that need torch, imported when they are asked for: the stage is named in configurations without it."""
    if name == "AestheticHead":
        from curation.aesthetic.head import AestheticHead

        return AestheticHead
    if name == "AestheticPredictor":
        from curation.aesthetic.predictor import AestheticPredictor

        return AestheticPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
