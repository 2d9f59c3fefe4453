"""Commands that record texts that a model wrote while it was steered."""

from __future__ import annotations

from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.state import State
from circuitviz.graph.steering import SteeringResult

MAX_STEERINGS = 200  # of a document; older ones are left out
MAX_STEERING_TOKENS = 200_000  # of them all, about 15 MB of a file's manifest, which has a limit


def add_steering(result: SteeringResult) -> Command:
    """Record the texts that a query gave, after those that are recorded; the same ones are recorded once.

    The oldest are left out where there are more than ``MAX_STEERINGS``, or more tokens than files hold.
    """

    def transform(state: State) -> State:
        others = [one for one in state.steering if one != result][-(MAX_STEERINGS - 1) :]
        n_tokens = result.n_tokens + sum(one.n_tokens for one in others)
        while others and n_tokens > MAX_STEERING_TOKENS:
            n_tokens -= others.pop(0).n_tokens
        return replace(state, steering=(*others, result))

    return Command(f"Steer {result.query.description}", transform)


def remove_steering(result: SteeringResult) -> Command:
    """Remove recorded texts."""

    def transform(state: State) -> State:
        return replace(state, steering=tuple(one for one in state.steering if one != result))

    return Command(f"Remove the texts of {result.query.description}", transform)
