"""A circuit on another model of the same shape: before and after fine-tuning, or another seed's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from circuitviz.document import Origin
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Interventions
from circuitviz.workbench.engine import Engine, load_model_in_background
from circuitviz.workbench.record_origin import rebuild_task
from circuitviz.workbench.requests.messages import Reply, Request, report_progress
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.task_experiment import TaskExperiment


@dataclass(frozen=True)
class OtherModelEvaluated(Reply):
    """The circuit's numbers on another model, ``Evaluation.as_dict``, and that model's ``weight_hash``."""

    model: str
    weight_hash: str
    key: str
    evaluation: dict[str, Any]


@dataclass(frozen=True)
class EvaluateOnOtherModel(Request):
    """Measure a circuit on another model, with its own prompts, metric, ablation and changed nodes.

    The model that is open stays open; the other one is let go of afterwards.
    """

    title = "Could not evaluate the circuit on the other model"
    priority = Priority.READ_MANY_RUNS

    model: str
    circuit: Circuit
    origin: Origin
    key: str
    device: str = "cpu"
    interventions: Interventions = field(default_factory=dict)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The numbers, once they are known."""
        loading = load_model_in_background(self.model, self.device, self.origin.dtype)
        model = yield from report_progress("Loading the other model", loading, self.model)
        ours, theirs = self.circuit.graph.shape, model.shape
        if ours != theirs:
            raise InputError(
                f"This circuit is of a model with {ours.n_layers} layers and {ours.n_heads} heads, width "
                f"{ours.d_model}; '{self.model}' has {theirs.n_layers} and {theirs.n_heads}, width "
                f"{theirs.d_model}. A circuit can be evaluated on models of its own shape."
            )
        origin = self.origin
        experiment = TaskExperiment(model, rebuild_task(origin, model), origin.metric, origin.ablation)
        steps = experiment.evaluate_steps(self.circuit, self.interventions, origin.options)
        found = yield from report_progress("Evaluating on the other model", steps)
        yield OtherModelEvaluated(self.model, model.weight_hash, self.key, found.as_dict())
