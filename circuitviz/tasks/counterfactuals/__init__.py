"""Pairs of prompts that differ in one thing only, so that a claim can say what a part carries."""

from circuitviz.tasks.counterfactuals.registry import (
    PAIRED,
    counterfactual_task,
    counterfactuals,
    elsewhere,
    suited,
)

__all__ = ["PAIRED", "counterfactual_task", "counterfactuals", "elsewhere", "suited"]
