"""A circuit on another model of the same shape: before and after fine-tuning, or another seed's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Interventions
from circuitviz.jobs.engine import loading
from circuitviz.jobs.messages import Reply, Request, moving
from circuitviz.session import Provenance

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Elsewhere(Reply):
    """The circuit's numbers on another model, ``Evaluation.as_dict``; ``weights`` is that model's hash."""

    model: str
    weights: str
    key: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class EvaluateElsewhere(Request):
    """Measure a circuit on another model, with its own prompts, metric, ablation and changed nodes.

    The model that is open stays open; the other one is let go of afterwards.
    """

    title = "The circuit was not evaluated on the other model"
    rank = 42

    model: str
    circuit: Circuit
    provenance: Provenance
    key: str
    device: str = "cpu"
    changed: Interventions = field(default_factory=dict)

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """The numbers, once they are known."""
        from circuitviz.discovery import setting
        from circuitviz.evaluation import bench_of
        from circuitviz.session.origin import task_of

        model = yield from moving("Loading the other model", loading(self.model, self.device), self.model)
        ours, theirs = self.circuit.graph.shape, model.shape
        if ours != theirs:
            raise InputError(
                f"This circuit is of a model with {ours.n_layers} layers and {ours.n_heads} heads, width "
                f"{ours.d_model}; '{self.model}' has {theirs.n_layers} and {theirs.n_heads}, width "
                f"{theirs.d_model}. A circuit can be evaluated on models of its own shape."
            )
        where = self.provenance
        here = setting(model, task_of(where, model), where.metric, where.ablation)
        bench = bench_of(here, self.circuit.graph, where.options, free=bool(self.changed))
        steps = bench.evaluate(self.circuit, self.changed)
        found = yield from moving("Evaluating on the other model", steps)
        yield Elsewhere(self.model, model.weight_hash, self.key, found.as_dict())
