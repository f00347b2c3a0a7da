"""The peak arithmetic of GPUs, by the names that their drivers give them."""

import re

DENSE_BF16_TFLOPS = {
    "B200": 2250.0,  # NVIDIA Blackwell architecture brief
    "GH200": 989.4,  # NVIDIA GH200 datasheet, half of the number with sparsity
    "H200": 989.4,  # NVIDIA H200 datasheet, half of the number with sparsity
    "H200 NVL": 835.5,
    "H100": 989.4,  # NVIDIA H100 datasheet, SXM5 ("H100 80GB HBM3")
    "H100 NVL": 835.5,
    "H100 PCIe": 756.5,
    "A100": 312.0,  # NVIDIA A100 datasheet
    "A800": 312.0,
    "A40": 149.7,  # NVIDIA A40 datasheet
    "A30": 165.0,  # NVIDIA A30 datasheet
    "A10": 125.0,  # NVIDIA A10 datasheet
    "A10G": 70.0,  # NVIDIA A10G datasheet
    "L40S": 362.05,  # NVIDIA L40S datasheet
    "L40": 181.05,  # NVIDIA L40 datasheet
    "L4": 121.0,  # NVIDIA L4 datasheet, half of the number with sparsity
    "RTX A6000": 154.8,  # NVIDIA Ampere GA102 whitepaper
    "RTX 4090": 165.2,  # NVIDIA Ada whitepaper, float32 accumulation
    "RTX 3090": 71.0,  # NVIDIA Ampere GA102 whitepaper, float32 accumulation
}
"""Tera multiply-adds times two a second in bfloat16 on tensor cores, without sparsity, as the makers print them."""


def peak_tflops(name: str) -> float | None:
    """Dense bfloat16 TFLOP/s of the GPU that calls itself `name`; None where it is not in the table."""
    words = set(re.split(r"[\s-]+", name))
    if "MIG" in words:  # a slice of it
        return None
    known = [key for key in DENSE_BF16_TFLOPS if words.issuperset(key.split())]
    return DENSE_BF16_TFLOPS[max(known, key=len)] if known else None
