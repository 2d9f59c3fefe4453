"""Discovery methods: generators that score every edge of a model on a task."""

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.registry import (
    DiscoveryMethod,
    TaskSetting,
    default_selection,
    discover,
    discover_steps,
    make_setting,
    methods,
)
from circuitviz.models import ABLATIONS

__all__ = [
    "ABLATIONS",
    "DiscoveryMethod",
    "TaskSetting",
    "ablation_values",
    "discover",
    "discover_steps",
    "methods",
    "default_selection",
    "make_setting",
]
