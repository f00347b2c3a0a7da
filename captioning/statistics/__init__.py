"""How long captions are and what words they are made of: the averages of the ELLA paper's tables 1 and 2, and more."""

from captioning.clip_tokens import count_clip_tokens as count_clip_tokens
from captioning.statistics.duplicates import Duplicates as Duplicates
from captioning.statistics.overlap import AltTextOverlap as AltTextOverlap
from captioning.statistics.overlap import Overlap as Overlap
from captioning.statistics.partials import CaptionPartials as CaptionPartials
from captioning.statistics.partials import caption_statistics as caption_statistics
from captioning.statistics.summary import CaptionStatistics as CaptionStatistics
