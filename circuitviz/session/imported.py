"""Circuits of other tools on a model and a task: their key-value heads, their signs, where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.graph.regroup import may_regroup, regroup, shared_edges
from circuitviz.graph.scores import IMPORTED
from circuitviz.session.commands import Command
from circuitviz.session.provenance import Provenance
from circuitviz.session.state import State

if TYPE_CHECKING:
    from circuitviz.graph import Shape
    from circuitviz.models import Model
    from circuitviz.tasks import Task

SIGNS = ("keep", "flip", "auto")
BY_PERSON = {
    "keep": "Positive helps in the file, as somebody who imported it said.",
    "flip": "Positive hurts in the file, as somebody who imported it said; the signs were turned.",
}


def fit_state(state: State, shape: Shape, name: str) -> State:
    """A state whose circuit has a model's receivers; InputError where it is of a model of another shape.

    Keys and values that a file lists per query head are summed over each group of a grouped-query model.
    """
    circuit = state.circuit
    if circuit is None or circuit.graph.shape == shape:
        return state
    if not may_regroup(circuit.graph, shape):
        raise InputError(
            f"This circuit is of a model with {circuit.graph.shape.text}; '{name}' has {shape.text}. "
            "Name the model that it belongs to."
        )
    shared, scores = regroup(circuit, state.scores, shape)
    edges = shared_edges(state.ablated_edges, shape)
    return replace(state, circuit=shared, scores=scores, ablated_edges=edges)


def imported_provenance(
    model: Model, task: Task, metric: str, ablation: str, file: str, sign: str, task_name: str
) -> Provenance:
    """Where an imported circuit is measured: ``file`` it was read from, ``sign`` as it was asked for."""
    from circuitviz.session.origin import origin_of

    options = {"file": file, "sign": sign}
    return origin_of(model, task, IMPORTED, options, metric, ablation, "greedy", None, 0.0, task_name)


def settle_sign(choice: str, note: str) -> Command:
    """Take imported scores as ``keep`` or ``flip`` says; undoing it makes the sign unknown again."""
    turned = choice == "flip"

    def change(state: State) -> State:
        if state.scores is None:
            return state
        return replace(state, scores=state.scores.with_known_sign(turned, note))

    text = "Turn the signs of imported scores" if turned else "Take positive scores of the file as helping"
    return Command(text, change)


def measure_imported(state: State, where: Provenance) -> Command:
    """Measure an imported circuit on a model and a task: ``state`` has the model's receivers."""

    def change(before: State) -> State:
        fitted = replace(before, circuit=state.circuit, scores=state.scores, provenance=where)
        return replace(fitted, ablated_edges=state.ablated_edges)

    return Command(f"Measure on {where.model}, {where.task}", change)


def import_command(where: Provenance) -> str:
    """The command line that imports the file again."""
    given: Mapping[str, object] = where.options
    parts = ["circuitviz import", str(given.get("file", "")), f"-m {where.model}", f"-t {where.task}"]
    parts += [f"--prompts {where.prompts}", f"--seed {where.seed}"]
    parts += [f"--metric {where.metric}", f"--ablation {where.ablation}"]
    return " ".join([*parts, f"--sign {given.get('sign', 'auto')}"])
