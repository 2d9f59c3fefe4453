"""Counterfactuals: pairs of prompts that differ in one thing, for tests of claims about components."""

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
