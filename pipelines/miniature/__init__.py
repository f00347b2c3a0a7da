"""A small world, made from a seed, in which the whole pipeline runs without a network, weights or a cluster."""

from pipelines.miniature.world import Miniature as Miniature
