"""What the frozen parts of a training give for its samples, computed once and kept beside the training set."""

from training.cache.stages import CacheLatents as CacheLatents
from training.cache.stages import CacheText as CacheText
