"""The localizers, one module per paper."""

from sslviz.models.acl import ACL, GuidedACL
from sslviz.models.base import EmbeddingNetwork, Encoding, Network, Scores
from sslviz.models.compact import JSACompact, MarginNCECompact
from sslviz.models.jsa import JSA
from sslviz.models.marginnce import MarginNCE
from sslviz.models.resizing import Resize

METHODS: dict[str, type[Network]] = {
    "acl": ACL,
    "acl-guided": GuidedACL,
    "jsa": JSA,
    "jsa-compact": JSACompact,
    "marginnce": MarginNCE,
    "marginnce-compact": MarginNCECompact,
}
"""Name in ``catalog.METHODS`` -> class. No class imports transformers before it is built."""

__all__ = [
    "ACL",
    "JSA",
    "METHODS",
    "EmbeddingNetwork",
    "Encoding",
    "GuidedACL",
    "JSACompact",
    "MarginNCE",
    "MarginNCECompact",
    "Network",
    "Resize",
    "Scores",
]
