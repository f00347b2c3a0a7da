"""Models that answer questions about images; importing them loads none."""

from training.evaluation.judges.chat import ChatJudge as ChatJudge
from training.evaluation.judges.mplug import MPlugJudge as MPlugJudge
from training.evaluation.judges.openai import OpenAIJudge as OpenAIJudge
from training.evaluation.judges.vqa import VQAJudge as VQAJudge

ALIASES = {"blip": "VQAJudge", "vqa": "VQAJudge", "chat": "ChatJudge", "openai": "OpenAIJudge", "mplug": "MPlugJudge"}
"""Short names for the command line."""
