"""Edges that a slow method examines, chosen by EAP, where all edges of a model would take hours."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.discovery.registry import TaskSetting, check_method, discover_steps, methods
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps

PRESELECTING_METHOD = "eap"


@dataclass(frozen=True)
class PreselectionOptions:
    """How many edges a slow method examines."""

    preselect: int = option(0, "examine only the n edges that EAP would choose greedily; 0: all", low=0)


def check_preselection(setting: TaskSetting, n_edges: int) -> None:
    """Check that edges can be chosen, before anything is computed.

    Arguments are those of ``preselect_edges``.

    Raises:
        InputError: The metric has no gradient, or none at the clean prompts; the model has fewer edges.
    """
    if not n_edges:
        return
    check_method(setting, PRESELECTING_METHOD, methods.get(PRESELECTING_METHOD).options())
    if n_edges > setting.graph.n_edges:
        raise InputError(
            f"{n_edges:,} edges were to be examined (preselect); this model has {setting.graph.n_edges:,}, "
            "so a number up to that, or 0 for all, would be right."
        )


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
        return setting.graph.mask
    steps = ProgressRunner(
        discover_steps(
            setting.model,
            setting.task,
            PRESELECTING_METHOD,
            setting.metric,
            setting.ablation,
            setting.spans or False,
        )
    )
    for step in steps:
        yield Progress(0, n_edges, f"choosing edges by EAP, {step.message}")
    return steps.result.greedy(n_edges).edges
