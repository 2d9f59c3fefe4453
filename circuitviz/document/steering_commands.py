"""Commands that record texts that a model wrote while it was steered."""

from __future__ import annotations

from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.state import State
from circuitviz.graph.steering import SteeringResult

MAX_STEERINGS = 200  # of a document; older ones are left out


def add_steering(result: SteeringResult) -> Command:
    """Record the texts that a query gave, after those that are recorded; the same ones are recorded once."""

    def transform(state: State) -> State:
        others = tuple(one for one in state.steering if one != result)
        return replace(state, steering=(*others, result)[-MAX_STEERINGS:])

    return Command(f"Steer {result.query.description}", transform)


def remove_steering(result: SteeringResult) -> Command:
    """Remove recorded texts."""

    def transform(state: State) -> State:
        return replace(state, steering=tuple(one for one in state.steering if one != result))

    return Command(f"Remove the texts of {result.query.description}", transform)
