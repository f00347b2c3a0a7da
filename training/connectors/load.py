"""A connector of whatever kind a file holds."""

from training.connectors.checkpoint import read_keys
from training.connectors.connector import Connector
from training.connectors.mlp import MLPConnector
from training.connectors.resampler import Resampler
from training.connectors.tsc import TimestepAwareSemanticConnector
from training.errors import SettingsError

KINDS: tuple[type[Connector], ...] = (TimestepAwareSemanticConnector, Resampler, MLPConnector)


def load_connector(path: str) -> Connector:
    """Load a connector, float32; its keys tell which kind it is.

    Args:
        path: a safetensors file, or a folder that holds one.

    Raises:
        SettingsError: no such file, or the weights of something else; the message names the keys.
    """
    keys = read_keys(path)
    for kind in KINDS:
        if keys.issuperset(kind.signature):
            return kind.from_pretrained(path)
    raise SettingsError(
        f"{path}: these are not the weights of a connector (got {len(keys)} tensors: {', '.join(sorted(keys)[:5])}, "
        f"...; expected those of {', '.join(kind.__name__ for kind in KINDS)})"
    )
