"""Captioners that other libraries and servers run: any native transformers model, any OpenAI-compatible server."""

from captioning.engines.openai import OpenAICaptioner as OpenAICaptioner
from captioning.engines.transformers import TransformersCaptioner as TransformersCaptioner
