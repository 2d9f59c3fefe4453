"""Dashboards: what is known of a feature apart from any circuit.

Where it is active, which tokens it reads and promotes, and its nearest neighbours.
"""

from circuitviz.features.dashboards.build_index import build_index_steps
from circuitviz.features.dashboards.directions import (
    Neighbour,
    TokenEffect,
    de_embedding_effects,
    nearest_features,
    token_effects,
)
from circuitviz.features.dashboards.feature_index import (
    DashboardExample,
    FeatureIndex,
    FeatureRow,
    FeatureStatistics,
    index_key,
)

__all__ = [
    "DashboardExample",
    "FeatureRow",
    "FeatureIndex",
    "Neighbour",
    "FeatureStatistics",
    "TokenEffect",
    "de_embedding_effects",
    "index_key",
    "build_index_steps",
    "nearest_features",
    "token_effects",
]
