"""Interventions: what a node writes instead of its own output.

Plain data that files, undo commands and measurements share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from circuitviz.errors import InputError, suggest_name
from circuitviz.graph.limits import MAX_NUMBER, MAX_POSITIONS, is_bounded_number, is_whole_number

COMPONENT_INTERVENTIONS = {
    "scale": "its own output, times a factor",
    "corrupted": "what it writes on the corrupted prompt",
    "zero": "nothing",
    "mean": "its mean over the clean prompts",
    "mean-positional": "its mean over the clean prompts at each position",
}
FEATURE_INTERVENTIONS = {
    "scale": "its own value, times a factor",
    "set": "an activation of your choice",
    "corrupted": "what it has on the corrupted prompt",
    "zero": "nothing",
    "mean": "its mean over other prompts",
}
STEERING_ACTIONS = {
    "scale": "its own value, times the strength",
    "set": "the strength",
    "add": "its own value, plus the strength",
    "zero": "nothing",
}
OUTSIDE_VALUES = ("zero", "mean", "corrupted")  # what nodes outside a feature circuit take
ERROR_MODES = ("kept", "dropped")  # reconstruction errors in an evaluation


@dataclass(frozen=True, slots=True)
class Intervention:
    """A node's output replaced within its circuit.

    Attributes:
        value: What it is replaced by: a key of ``COMPONENT_INTERVENTIONS``, of ``FEATURE_INTERVENTIONS``, or,
            where a model writes on (``graph.steering``), of ``STEERING_ACTIONS``.
        amount: The factor of ``scale``, the activation of ``set``, or what ``add`` adds; unused otherwise.
        positions: Token positions at which it is replaced, counted from 0 at the first token, or from −1 at
            the answer position backwards; everywhere if empty.

    Raises:
        InputError: There is no such value, or the amount or a position is out of range.
    """

    value: str = "scale"
    amount: float = 1.0
    positions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        valid_values = {**COMPONENT_INTERVENTIONS, **FEATURE_INTERVENTIONS, **STEERING_ACTIONS}
        if self.value not in valid_values:
            raise InputError(
                f"There is no value '{self.value}' for a node; {', '.join(valid_values)} would be right."
                + suggest_name(self.value, valid_values)
            )
        if not is_bounded_number(self.amount):
            verb = {"set": "set to", "add": "raised by"}.get(self.value, "scaled by")
            raise InputError(
                f"A node was to be {verb} {self.amount}; a finite number of at most {MAX_NUMBER:g} in size "
                "would be right."
            )
        for position in self.positions:
            if not is_whole_number(position, -MAX_POSITIONS, MAX_POSITIONS):
                raise InputError(
                    f"A node was to be changed at position {position}; a whole number from "
                    f"{-MAX_POSITIONS:,} to {MAX_POSITIONS:,} would be right."
                )

    @property
    def description(self) -> str:
        """As lists show it: ``× 0.5``, ``= 3.2``, ``mean at 3, −1``."""
        texts = {"scale": f"× {self.amount:g}", "set": f"= {self.amount:g}", "add": f"+ {self.amount:g}"}
        text = texts.get(self.value, self.value)
        positions = ", ".join(str(p).replace("-", "−") for p in self.positions)
        return f"{text} at {positions}" if positions else text

    @property
    def to_json(self) -> list[Any]:
        """``[value, amount, [positions]]``; ``from_json`` reads it again."""
        return [self.value, float(self.amount), list(self.positions)]

    @staticmethod
    def from_json(data: Any) -> Intervention:
        """The intervention that ``to_json`` wrote.

        Raises:
            InputError: The data is anything else.
        """
        try:
            value, amount, positions = data
            return Intervention(str(value), float(amount), tuple(int(p) for p in positions))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{data!r} is no intervention; [value, factor, [positions]] would be right."
            ) from error


Interventions = Mapping[str, Intervention]


def check_task_interventions(interventions: Interventions) -> None:
    """Check that nodes of a circuit over a task can be changed in these ways.

    Raises:
        InputError: One is changed in a way that only nodes of one prompt or a model that writes on have.
    """
    for name, intervention in interventions.items():
        if intervention.value not in COMPONENT_INTERVENTIONS:
            raise InputError(
                f"'{name}' cannot be changed by '{intervention.value}' over a task's prompts; "
                f"{', '.join(COMPONENT_INTERVENTIONS)} would be right."
                + suggest_name(intervention.value, COMPONENT_INTERVENTIONS)
            )


def parse_positions(text: str) -> tuple[int, ...]:
    """Token positions as people type them, such as ``2, 5, -1``; empty for all positions.

    >>> parse_positions("5, 2; -1")
    (-1, 2, 5)

    Raises:
        InputError: A part is not a whole number.
    """
    positions = []
    for part in text.replace("−", "-").replace(";", ",").split(","):
        if not part.strip():
            continue
        try:
            positions.append(int(part))
        except ValueError:
            raise InputError(
                f"'{part.strip()}' is no position; numbers with commas between them would be right, such as "
                "0, 5, -1: from 0 at the first token, from -1 at the answer position backwards."
            ) from None
    return tuple(sorted(set(positions)))
