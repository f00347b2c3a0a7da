"""Peaks of GPUs by the names that drivers give them."""

import pytest

from training.accelerators import peak_tflops


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989.4),
        ("NVIDIA H200 NVL", 835.5),
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756.5),
        ("NVIDIA A100-SXM4-40GB", 312.0),
        ("NVIDIA A100-PCIE-40GB", 312.0),
        ("NVIDIA A10G", 70.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA L40S", 362.05),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("NVIDIA RTX A6000", 154.8),
    ],
)
def test_a_known_gpu_has_its_dense_bfloat16_peak(name: str, peak: float) -> None:
    assert peak_tflops(name) == peak


@pytest.mark.parametrize(
    "name", ["NVIDIA GeForce GTX 1080 Ti", "Tesla V100-SXM2-16GB", "NVIDIA A100-SXM4-40GB MIG 1g.5gb"]
)
def test_any_other_has_none(name: str) -> None:
    assert peak_tflops(name) is None
