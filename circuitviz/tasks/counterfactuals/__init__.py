"""Pairs of prompts that differ in one thing only, so that a claim can say what a part carries."""

from circuitviz.tasks.counterfactuals.registry import (
    TASK_PAIRS,
    counterfactual_task,
    counterfactuals,
    list_counterfactuals,
    list_other_task_pairs,
)

__all__ = [
    "TASK_PAIRS",
    "counterfactual_task",
    "counterfactuals",
    "list_other_task_pairs",
    "list_counterfactuals",
]
