"""Methods that find circuits: scores of every edge."""

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.registry import (
    Method,
    Setting,
    discover,
    discover_steps,
    methods,
    natural_select,
    setting,
)
from circuitviz.models import ABLATIONS

__all__ = [
    "ABLATIONS",
    "Method",
    "Setting",
    "ablation_values",
    "discover",
    "discover_steps",
    "methods",
    "natural_select",
    "setting",
]
