"""Trainable modules that turn text features and a timestep into what a U-Net's cross-attention reads."""

from training.connectors.connector import Connector as Connector
from training.connectors.tsc import TimestepAwareSemanticConnector as TimestepAwareSemanticConnector
