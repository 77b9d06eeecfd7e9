"""The localizers, one module per paper."""

from sslviz.models.base import EmbeddingNetwork, Encoding, Network, Resize, Scores

METHODS: dict[str, type[Network]] = {}
"""Name in ``catalog.METHODS`` -> class. No class imports transformers before it is built."""

__all__ = ["METHODS", "EmbeddingNetwork", "Encoding", "Network", "Resize", "Scores"]
