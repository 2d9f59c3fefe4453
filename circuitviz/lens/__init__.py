"""Readings of a node: logit lens, direct logit attribution, attention, OV and QK."""

from circuitviz.lens.direct_logit_attribution import DirectLogitAttribution, direct_logit_attribution_steps
from circuitviz.lens.direct_logits import TokenLogit
from circuitviz.lens.layer_attention import ATTENTION_SIDES, LayerAttention, read_layer_attention
from circuitviz.lens.logit_lens import LensCell, LensGrid, read_lens_grid
from circuitviz.lens.node_lens import NodeReading, read_node
from circuitviz.lens.ov_qk import HeadReading, read_head
from circuitviz.lens.top_tokens import read_top_tokens

__all__ = [
    "ATTENTION_SIDES",
    "DirectLogitAttribution",
    "HeadReading",
    "LayerAttention",
    "LensCell",
    "LensGrid",
    "NodeReading",
    "TokenLogit",
    "direct_logit_attribution_steps",
    "read_layer_attention",
    "read_lens_grid",
    "read_head",
    "read_node",
    "read_top_tokens",
]
