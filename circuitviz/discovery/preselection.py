"""Edges that a slow method examines, chosen by EAP, where all edges of a model would take hours."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.discovery.registry import TaskSetting, discover_steps
from circuitviz.graph import BoolMatrix
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps

PRESELECTING_METHOD = "eap"


@dataclass(frozen=True)
class PreselectionOptions:
    """How many edges a slow method examines."""

    preselect: int = option(0, "examine only the n edges that EAP would choose greedily; 0: all", low=0)


def preselect_edges(setting: TaskSetting, n_edges: int) -> ProgressSteps[BoolMatrix]:
    """The edges of EAP's circuit of ``n_edges`` edges.

    They are chosen greedily, so that each is on a path of chosen edges from the embedding to the logits.

    Args:
        setting: Model, task, metric and ablation.
        n_edges: Number of edges; 0 for all of the model.

    Returns:
        Bool [senders, receivers].

    Raises:
        InputError: The metric has no gradient, or none at the clean prompts; the model has fewer edges.
    """
    if not n_edges:
        return setting.model.graph.mask
    steps = ProgressRunner(
        discover_steps(setting.model, setting.task, PRESELECTING_METHOD, setting.metric, setting.ablation)
    )
    for step in steps:
        yield Progress(0, n_edges, f"choosing edges by EAP, {step.message}")
    return steps.result.greedy(n_edges).edges
