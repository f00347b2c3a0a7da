"""The device that a judge runs on: workers of one evaluation take the GPUs in turn."""

_worker = 0


def be_worker(number: int) -> None:
    """Say which of an evaluation's worker processes this one is; the first, unless this is called."""
    global _worker
    _worker = number


def choose_device(device: str) -> str:
    """`device`, or for "auto" the GPU whose turn it is, or the CPU where there is none."""
    import torch

    if device != "auto":
        return device
    return f"cuda:{_worker % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
