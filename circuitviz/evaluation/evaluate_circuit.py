"""Evaluation of one circuit from start to end, on the bench that suits its graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from circuitviz.discovery import TaskSetting, make_setting
from circuitviz.dtypes import NO_OFFLOAD
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
    """Return the bench on which circuits of a graph are measured.

    Args:
        setting: Model, task, metric and ablation.
        graph: The graph of the circuits.
        options: Options of the method that found them; ``dictionaries`` and ``errors`` are read where the
            graph shows sites in features.
        allow_interventions: Whether nodes of the circuits may be made to write something else.

    Raises:
        InputError: The way to treat errors is unknown, or a dictionary is missing.
    """
    sites = feature_sites(graph)
    if not sites:
        return FaithfulnessBench(replace(setting, spans=graph.spans), allow_interventions)
    folder, errors = str(options.get("dictionaries", "")), str(options.get("errors", TASK_ERROR_MODES[0]))
    if errors not in TASK_ERROR_MODES:
        message = f"There is no way with errors '{errors}'; there is {', '.join(TASK_ERROR_MODES)}."
        raise InputError(message + suggest_name(errors, TASK_ERROR_MODES))
    place = str(options.get("offload", NO_OFFLOAD))
    offload = None if place == NO_OFFLOAD else place  # none leaves it to the process
    by_site = load_dictionaries_by_site(setting.model, folder, sites, offload)
    return FeatureBasisBench(setting, FeatureBasis.from_graph(setting.model, graph, by_site), errors)


def evaluate_steps(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> ProgressSteps[Evaluation]:
    """Measure a circuit's faithfulness, as a generator of progress.

    Args:
        model: The model that the circuit belongs to.
        task: The prompts.
        circuit: The circuit, measured exactly as it is given.
        metric: Name of a metric; the task's own by default.
        ablation: What replaces the edges outside the circuit: ``corrupted``, ``zero``, ``mean`` or
            ``mean-positional``.
        dictionaries: Folders of dictionaries, where the circuit shows sites in features and those of the demo
            model are not meant.

    Returns:
        A generator whose result is the evaluation.

    Raises:
        InputError: The circuit belongs to a model of another shape, or metric and ablation do not suit the
            task.

    Source: [hanna2024faithfulness].
    """
    check_circuit_fits_model(model, circuit)
    task_setting = make_setting(model, task, metric, ablation)
    return make_bench(task_setting, circuit.graph, {"dictionaries": dictionaries}).evaluate(circuit)


def evaluate(
    model: Model,
    task: Task,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    dictionaries: str = "",
) -> Evaluation:
    """Measure a circuit's faithfulness; arguments and errors are those of ``evaluate_steps``."""
    return run_to_completion(evaluate_steps(model, task, circuit, metric, ablation, dictionaries))


def check_circuit_fits_model(model: Model, circuit: Circuit) -> None:
    """Raise InputError where a circuit's graph is not that of the model."""
    model_shape, circuit_shape = model.shape, circuit.graph.shape
    if model_shape != circuit_shape:
        raise InputError(
            f"The circuit belongs to a model of {circuit_shape.description}, but '{model.name}' has "
            f"{model_shape.description}; open the model it was found on."
        )
