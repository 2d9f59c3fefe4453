"""Readings of a node: logit lens, direct logit attribution, attention."""

from circuitviz.lens.reading import NodeReading, TokenLogit, read_node

__all__ = ["NodeReading", "TokenLogit", "read_node"]
