"""sslviz: see which pixels make the sound."""

__version__ = "0.1.0"
