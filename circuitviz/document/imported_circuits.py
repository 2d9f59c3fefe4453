"""Circuits of other tools on a model and a task: their key-value heads, their signs, where they come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from circuitviz.document.circuit_commands import Command
from circuitviz.document.origin import Origin
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.graph.grouped_queries import can_regroup, key_value_edges, regroup_circuit

if TYPE_CHECKING:
    from circuitviz.graph import ModelShape

CHOSEN_SIGN_NOTES = {
    "keep": "Positive helps in the file, as somebody who imported it said.",
    "flip": "Positive hurts in the file, as somebody who imported it said; the signs were turned.",
}


def fit_state(state: State, shape: ModelShape, name: str) -> State:
    """A state whose circuit has a model's receivers; InputError where it is of a model of another shape.

    Keys and values that a file lists per query head are summed over each group of a grouped-query model.
    """
    circuit = state.circuit
    if circuit is None or circuit.graph.shape == shape:
        return state
    if not can_regroup(circuit.graph, shape):
        raise InputError(
            f"This circuit is of a model with {circuit.graph.shape.description}; '{name}' has "
            f"{shape.description}. Name the model that it belongs to."
        )
    shared, scores = regroup_circuit(circuit, state.scores, shape)
    edges = key_value_edges(state.ablated_edges, shape)
    return replace(state, circuit=shared, scores=scores, ablated_edges=edges)


def set_sign(choice: str, note: str) -> Command:
    """Take imported scores as ``keep`` or ``flip`` says; undoing it makes the sign unknown again."""
    turned = choice == "flip"

    def change(state: State) -> State:
        if state.scores is None:
            return state
        return replace(state, scores=state.scores.with_known_sign(turned, note))

    text = "Turn the signs of imported scores" if turned else "Take positive scores of the file as helping"
    return Command(text, change)


def attach_task(source: State, origin: Origin) -> Command:
    """Measure an imported circuit on a model and a task: ``source`` has the model's receivers."""

    def change(before: State) -> State:
        fitted = replace(before, circuit=source.circuit, scores=source.scores, origin=origin)
        return replace(fitted, ablated_edges=source.ablated_edges)

    return Command(f"Measure on {origin.model}, {origin.task}", change)
