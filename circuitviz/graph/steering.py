"""Steering: what is changed while a model writes on, and the texts that it wrote.

Plain data that the engine, files and the window share.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.errors import InputError, suggest_name
from circuitviz.graph.interventions import STEERING_ACTIONS, Intervention
from circuitviz.graph.limits import MAX_NUMBER, MAX_SEED, is_bounded_number, is_whole_number

STEERED_TOKENS = {
    "generated": "from the last token of the prompt on, so that each new token is written steered",
    "all": "at every token",
    "prompt": "at the tokens of the prompt only",
}
MAX_STRENGTHS = 12
MAX_GENERATED_TOKENS = 2000


@dataclass(frozen=True)
class SteeringQuery:
    """A model writes on after a prompt, once plain and once for each strength with changed nodes.

    Attributes:
        model: Name of the model.
        prompt: The text that it goes on from.
        changes: What is done to each node, by name: a feature ``m2.f12``, a neuron ``m2.n34``, a head
            ``a1.h2``, an MLP ``m3``, or a direction ``resid4`` of ``directions``. Actions are those of
            ``STEERING_ACTIONS``; positions count from 0 at the first token, or from −1 at the last token of
            the prompt backwards. An MLP or a head has the value 1 and writes its own output at it.
        strengths: The amounts that all changes are given, one after another; empty: their own amounts.
        steered_tokens: Where a change without positions acts, one of ``STEERED_TOKENS``.
        directions: By name, ``resid`` with a layer, two texts: the direction is the residual stream before
            that layer at the last token of the first text, minus that of the second [turner2023activation].
        max_tokens: How many tokens are written at most.
        temperature: 0 for the likeliest token; else drawn from the softmax of logits / temperature.
        seed: Of the random numbers, the same for each strength.
        dictionaries: Folders of dictionaries; empty for those that ship with the demo model.
        bos: False to leave out the beginning-of-sequence token.
        dtype: The precision that weights are kept in.

    Raises:
        InputError: A value is out of range.
    """

    model: str
    prompt: str
    changes: Mapping[str, Intervention]
    strengths: tuple[float, ...] = ()
    steered_tokens: str = "generated"
    directions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    max_tokens: int = 40
    temperature: float = 0.0
    seed: int = 0
    dictionaries: tuple[str, ...] = ()
    bos: bool | None = None
    dtype: str = AUTO_DTYPE

    def __post_init__(self) -> None:
        if not self.changes:
            raise InputError(
                "Nothing was named to steer; a feature (m2.f12), a neuron (m2.n34), a head (a1.h2), an MLP "
                "(m3) or a direction (resid4) would be right."
            )
        for name, change in self.changes.items():
            if change.value not in STEERING_ACTIONS:
                message = (
                    f"'{change.value}' of '{name}' is no way to steer; {', '.join(STEERING_ACTIONS)} are."
                )
                raise InputError(message + suggest_name(change.value, STEERING_ACTIONS))
        if self.steered_tokens not in STEERED_TOKENS:
            raise InputError(
                f"Steering was to act on '{self.steered_tokens}' tokens; {', '.join(STEERED_TOKENS)} would "
                "be right." + suggest_name(self.steered_tokens, STEERED_TOKENS)
            )
        if len(self.strengths) > MAX_STRENGTHS or not all(map(is_bounded_number, self.strengths)):
            given = ", ".join(f"{strength:g}" for strength in self.strengths)
            raise InputError(
                f"The strengths {given} were given; up to {MAX_STRENGTHS} finite numbers of at most "
                f"{MAX_NUMBER:g} in size would be right."
            )
        if not is_whole_number(self.max_tokens, 1, MAX_GENERATED_TOKENS):
            raise InputError(
                f"{self.max_tokens} tokens were to be written; 1 to {MAX_GENERATED_TOKENS:,} would be right."
            )
        if not (is_bounded_number(self.temperature) and self.temperature >= 0):
            raise InputError(
                f"The temperature {self.temperature} was given; 0, for the likeliest token, to "
                f"{MAX_NUMBER:g} would be right."
            )
        if not is_whole_number(self.seed, 0, MAX_SEED):
            raise InputError(
                f"The seed {self.seed} was given; a whole number from 0 to {MAX_SEED:,} would be right."
            )

    @property
    def changes_by_strength(self) -> dict[float | None, dict[str, Intervention]]:
        """For each strength, what is done to each node; with None as its key where amounts are their own."""
        if not self.strengths:
            return {None: dict(self.changes)}
        return {
            strength: {name: replace(change, amount=strength) for name, change in self.changes.items()}
            for strength in self.strengths
        }

    @property
    def description(self) -> str:
        """What is done, in few words: ``m2.f12 add 2, 4; a1.h2 × 0.5``."""
        if not self.strengths:
            return "; ".join(f"{name} {change.description}" for name, change in self.changes.items())
        amounts = ", ".join(f"{strength:g}" for strength in self.strengths)
        return "; ".join(f"{name} {change.value} {amounts}" for name, change in self.changes.items())

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON data; ``formats.parts.steering`` reads it again."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **data,
            "changes": {name: change.to_json for name, change in self.changes.items()},
            "strengths": [float(strength) for strength in self.strengths],
            "temperature": float(self.temperature),
            "directions": {name: list(texts) for name, texts in self.directions.items()},
            "dictionaries": list(self.dictionaries),
        }


@dataclass(frozen=True, slots=True)
class GeneratedToken:
    """A token that a model wrote.

    Attributes:
        id: Its id.
        text: As it is shown.
        probability: That the steered model gave it, at temperature 1.
        plain_probability: That the model gives it without steering after the same text; None until it
            is known.
    """

    id: int
    text: str
    probability: float
    plain_probability: float | None = None


@dataclass(frozen=True)
class Continuation:
    """What a model wrote after the prompt.

    Attributes:
        strength: The strength; None where amounts are the changes' own, and for the plain text.
        is_plain: Whether nothing was changed.
        text: The text.
        tokens: Its tokens.
        is_ended: Whether the model ended the text itself.
    """

    strength: float | None
    is_plain: bool
    text: str
    tokens: tuple[GeneratedToken, ...]
    is_ended: bool = False

    @property
    def title(self) -> str:
        """``plain``, ``strength 2`` or ``steered``."""
        if self.is_plain:
            return "plain"
        return "steered" if self.strength is None else f"strength {self.strength:g}".replace("-", "−")

    @property
    def mean_log_probability_ratio(self) -> float | None:
        """Mean over tokens of log(probability / plain probability): how far steering moves the text.

        It estimates the Kullback–Leibler divergence per token where tokens are drawn at temperature 1. None
        where plain probabilities are not known.
        """
        ratios = [
            math.log(max(token.probability, 1e-30) / max(token.plain_probability, 1e-30))
            for token in self.tokens
            if token.plain_probability is not None
        ]
        return sum(ratios) / len(ratios) if ratios and len(ratios) == len(self.tokens) else None


@dataclass(frozen=True)
class SteeringResult:
    """The answer to a query about steering.

    Attributes:
        query: The query.
        weight_hash: SHA-256 of the model's weights.
        prompt_tokens: Tokens of the prompt, as they are shown.
        continuations: The plain text, and one for each strength.
        is_whole: Whether all tokens are there, with their plain probabilities.
        file_record: As a file had it, also fields that this version does not know; empty for a new one.
    """

    query: SteeringQuery
    weight_hash: str
    prompt_tokens: tuple[str, ...]
    continuations: tuple[Continuation, ...]
    is_whole: bool = True
    file_record: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def n_tokens(self) -> int:
        """Number of tokens that were written, in all texts."""
        return sum(len(continuation.tokens) for continuation in self.continuations)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all fields."""
        return hashlib.sha256(json.dumps(self.to_json()).encode()).hexdigest()

    def map_paths(self, change: Callable[[str], str]) -> SteeringResult:
        """The same with the model's and the dictionaries' paths changed."""
        query = self.query
        folders = tuple(map(change, query.dictionaries))
        return replace(self, query=replace(query, model=change(query.model), dictionaries=folders))

    def table(self) -> list[list[Any]]:
        """Rows of text, for a table: a head, and one row for each token of each continuation."""
        head = ["text", "position", "token", "probability", "plain probability"]
        rows = [
            [continuation.title, number, token.text, token.probability, token.plain_probability]
            for continuation in self.continuations
            for number, token in enumerate(continuation.tokens)
        ]
        return [head, *rows]

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON data; ``formats.parts.steering`` reads it again."""
        return {
            "query": self.query.to_json(),
            "weight_hash": self.weight_hash,
            "prompt_tokens": list(self.prompt_tokens),
            "done": self.is_whole,
            "texts": [
                {
                    "strength": continuation.strength,
                    "plain": continuation.is_plain,
                    "text": continuation.text,
                    "ended": continuation.is_ended,
                    "tokens": [
                        [token.id, token.text, token.probability, token.plain_probability]
                        for token in continuation.tokens
                    ],
                }
                for continuation in self.continuations
            ],
        }


def parse_strengths(text: str) -> tuple[float, ...]:
    """Numbers as people type them, such as ``0, 2; -4``.

    >>> parse_strengths("0, 2; -4")
    (0.0, 2.0, -4.0)

    Raises:
        InputError: A part is no number.
    """
    strengths = []
    for part in text.replace("−", "-").replace(";", ",").split(","):
        if not part.strip():
            continue
        try:
            strengths.append(float(part))
        except ValueError:
            raise InputError(
                f"'{part.strip()}' is no strength; numbers with commas between them would be right, such as "
                "0, 2, 4."
            ) from None
    return tuple(dict.fromkeys(strengths))
