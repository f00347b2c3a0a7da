"""Trainable modules that turn text features and a timestep into what a U-Net's cross-attention reads."""

from training.connectors.connector import Connector as Connector
from training.connectors.load import load_connector as load_connector
from training.connectors.mlp import MLPConnector as MLPConnector
from training.connectors.resampler import Resampler as Resampler
from training.connectors.tsc import TimestepAwareSemanticConnector as TimestepAwareSemanticConnector
