"""T2I-CompBench: what a model draws of attributes, places, actions and all of them together.

Huang et al., "T2I-CompBench: A Comprehensive Benchmark for Open-world Compositional Text-to-image Generation", 2023.
"""

from typing import Literal

Category = Literal["color", "shape", "texture", "spatial", "non-spatial", "complex"]


def result_file(category: Category) -> str:
    """Name of a category's result: its scores by rule, with intervals."""
    return f"t2i_compbench_{category}.json"


def prompts_file(category: Category) -> str:
    """Name of the file with what every prompt adds to a category's scores, see `training.evaluation.prompt_scores`."""
    return f"t2i_compbench_{category}_prompts.parquet"
