"""The bench that suits a circuit, and its faithfulness on it from start to end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from circuitviz.discovery import TaskSetting, make_setting
from circuitviz.errors import InputError, suggest_name
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.feature_basis_bench import FeatureBasisBench
from circuitviz.features.feature_basis import FeatureBasis, load_dictionaries_by_site
from circuitviz.features.feature_basis_run import TASK_ERROR_MODES
from circuitviz.graph import Circuit, Evaluation, Graph
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.models import Model
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.tasks import Task


def make_bench(
    setting: TaskSetting, graph: Graph, options: Mapping[str, Any], allow_interventions: bool = False
) -> FaithfulnessBench:
    """The bench that circuits of a graph are measured on.

    options: of the method that found them; ``dictionaries`` and ``errors`` are read where sites are opened.
    """
    sites = feature_sites(graph)
    if not sites:
        return FaithfulnessBench(setting, allow_interventions)
    folder, errors = str(options.get("dictionaries", "")), str(options.get("errors", TASK_ERROR_MODES[0]))
    if errors not in TASK_ERROR_MODES:
        there = f"There is no way with errors '{errors}'; there is {', '.join(TASK_ERROR_MODES)}."
        raise InputError(there + suggest_name(errors, TASK_ERROR_MODES))
    found = load_dictionaries_by_site(setting.model, folder, sites)
    return FeatureBasisBench(setting, FeatureBasis.from_graph(setting.model, graph, found), errors)


def evaluate_steps(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> ProgressSteps[Evaluation]:
    """Measure a circuit's faithfulness; InputError where it belongs to another model.

    dictionaries: a folder, where sites are opened into features and not those of the demo are meant.
    """
    check_circuit_fits_model(model, circuit)
    where = make_setting(model, task, metric, ablation)
    return make_bench(where, circuit.graph, {"dictionaries": dictionaries}).evaluate(circuit)


def evaluate(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> Evaluation:
    """Measure a circuit's faithfulness from start to end."""
    return run_to_completion(evaluate_steps(model, task, circuit, metric, ablation, dictionaries))


def check_circuit_fits_model(model: Model, circuit: Circuit) -> None:
    """InputError where a circuit's graph is not the model's."""
    ours, theirs = model.shape, circuit.graph.shape
    if ours != theirs:
        raise InputError(
            f"The circuit belongs to a model of {theirs.description}, but '{model.name}' has {ours.description}; open the "
            "model it was found on."
        )
