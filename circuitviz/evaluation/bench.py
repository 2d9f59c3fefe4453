"""The bench that suits a circuit, and its faithfulness on it from start to end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from circuitviz.discovery import Setting, setting
from circuitviz.errors import InputError, suggest
from circuitviz.evaluation.faithfulness import Bench, Evaluation
from circuitviz.evaluation.opened import OpenedBench
from circuitviz.features.opened_run import ERRORS
from circuitviz.features.opening import Opening, dictionaries_of
from circuitviz.graph import Circuit, Graph
from circuitviz.graph.opened import opened_sites
from circuitviz.models import Model
from circuitviz.progress import Steps, finish
from circuitviz.tasks import Task


def bench_of(where: Setting, graph: Graph, options: Mapping[str, Any], free: bool = False) -> Bench:
    """The bench that circuits of a graph are measured on.

    options: of the method that found them; ``dictionaries`` and ``errors`` are read where sites are opened.
    """
    sites = opened_sites(graph)
    if not sites:
        return Bench(where, free)
    folder, errors = str(options.get("dictionaries", "")), str(options.get("errors", ERRORS[0]))
    if errors not in ERRORS:
        there = f"There is no way with errors '{errors}'; there is {', '.join(ERRORS)}."
        raise InputError(there + suggest(errors, ERRORS))
    found = dictionaries_of(where.model, folder, sites)
    return OpenedBench(where, Opening.of(where.model, graph, found), errors)


def evaluate_steps(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> Steps[Evaluation]:
    """Measure a circuit's faithfulness; InputError where it belongs to another model.

    dictionaries: a folder, where sites are opened into features and not those of the demo are meant.
    """
    check_graph(model, circuit)
    where = setting(model, task, metric, ablation)
    return bench_of(where, circuit.graph, {"dictionaries": dictionaries}).evaluate(circuit)


def evaluate(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> Evaluation:
    """Measure a circuit's faithfulness from start to end."""
    return finish(evaluate_steps(model, task, circuit, metric, ablation, dictionaries))


def check_graph(model: Model, circuit: Circuit) -> None:
    """InputError where a circuit's graph is not the model's."""
    ours, theirs = model.shape, circuit.graph.shape
    if ours != theirs:
        raise InputError(
            f"The circuit belongs to a model of {theirs.text}, but '{model.name}' has {ours.text}; open the "
            "model it was found on."
        )
