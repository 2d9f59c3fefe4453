"""Commands for circuits of other tools: fitting them to a model, the sign of their scores, their task."""

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
    "keep": "Positive helps in the file, as the person who imported it stated.",
    "flip": "Positive hurts in the file, as the person who imported it stated; the signs were flipped.",
}


def fit_state(state: State, shape: ModelShape, name: str) -> State:
    """The state with its circuit on the graph of a model.

    Keys and values that a file lists per query head are summed over each group of a grouped-query model.

    Args:
        state: A state with a circuit.
        shape: Shape of the model.
        name: Name of the model, for the message.

    Raises:
        InputError: The circuit belongs to a model of another shape.
    """
    circuit = state.circuit
    if circuit is None or circuit.graph.shape == shape:
        return state
    if not can_regroup(circuit.graph, shape):
        raise InputError(
            f"This circuit is of a model with {circuit.graph.shape.description}; '{name}' has "
            f"{shape.description}. Name the model that it belongs to."
        )
    regrouped, scores = regroup_circuit(circuit, state.scores, shape)
    edges = key_value_edges(state.ablated_edges, shape)
    return replace(state, circuit=regrouped, scores=scores, ablated_edges=edges)


def set_sign(choice: str, note: str) -> Command:
    """Set the sign of imported scores; undoing it makes the sign unknown again.

    Args:
        choice: ``keep`` where positive scores help, ``flip`` where they hurt and are to be negated.
        note: How the sign is known.
    """
    flip = choice == "flip"

    def transform(state: State) -> State:
        if state.scores is None:
            return state
        return replace(state, scores=state.scores.with_known_sign(flip, note))

    text = "Turn the signs of imported scores" if flip else "Take positive scores of the file as helping"
    return Command(text, transform)


def attach_task(source: State, origin: Origin) -> Command:
    """Give an imported circuit a model and a task; ``source`` is the state that ``fit_state`` returned."""

    def transform(state: State) -> State:
        attached = replace(state, circuit=source.circuit, scores=source.scores, origin=origin)
        return replace(attached, ablated_edges=source.ablated_edges)

    return Command(f"Measure on {origin.model}, {origin.task}", transform)
