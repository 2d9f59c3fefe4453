"""Readings of a node: logit lens, direct logit attribution, attention, OV and QK."""

from circuitviz.lens.attention import SIDES, LayerAttention, layer_attention
from circuitviz.lens.attribution import Attribution, attribute
from circuitviz.lens.head import HeadReading, read_head
from circuitviz.lens.logit_lens import LensCell, LensGrid, lens_grid
from circuitviz.lens.reading import NodeReading, read_node
from circuitviz.lens.shares import TokenLogit
from circuitviz.lens.top_tokens import top_tokens

__all__ = [
    "SIDES",
    "Attribution",
    "HeadReading",
    "LayerAttention",
    "LensCell",
    "LensGrid",
    "NodeReading",
    "TokenLogit",
    "attribute",
    "layer_attention",
    "lens_grid",
    "read_head",
    "read_node",
    "top_tokens",
]
