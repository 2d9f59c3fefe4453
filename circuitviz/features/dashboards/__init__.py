"""What is known of a feature apart from any circuit: where it fires, what it reads, what it writes."""

from circuitviz.features.dashboards.building import index_steps
from circuitviz.features.dashboards.directions import (
    Neighbour,
    TokenEffect,
    de_embedding,
    nearest,
    token_effects,
)
from circuitviz.features.dashboards.index import Example, FeatureRow, Index, Statistics, index_key

__all__ = [
    "Example",
    "FeatureRow",
    "Index",
    "Neighbour",
    "Statistics",
    "TokenEffect",
    "de_embedding",
    "index_key",
    "index_steps",
    "nearest",
    "token_effects",
]
