"""View filters, part of the document so that they are saved and undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from circuitviz.errors import InputError

SIGNS = ("positive", "negative")
SIGN_MEANINGS = {  # texts for positive and negative scores, by what is known about their sign
    "helps": ("raises the metric", "lowers the metric"),
    "flows": ("adds to what it reaches", "takes away from it"),
    "file": ("positive score in the file", "negative score in the file"),
    "none": ("edge of the circuit", "edge of the circuit"),
}
CHANNELS = ("q", "k", "v", "")


@dataclass(frozen=True)
class ViewFilters:
    """Filters of what is drawn; they do not affect what is evaluated.

    Attributes:
        most: Greatest number of edges, the strongest; None for all.
        least: Least |score| of edges.
        hidden_signs: Signs of edges that are hidden, ``positive`` or ``negative``.
        hidden_channels: Channels of edges that are hidden: ``q``, ``k``, ``v``, or empty for inputs of MLPs
            and logits.
        hidden_kinds: Kinds of nodes that are hidden.
        hidden_spans: Spans of a circuit by span whose nodes are hidden.
        low: First layer that is drawn; input and logits always are.
        high: Last layer that is drawn.
        score: Least |score| of nodes.
        joined: Whether nodes that no drawn edge touches are hidden.
    """

    most: int | None = None
    least: float = 0.0
    hidden_signs: frozenset[str] = frozenset()
    hidden_channels: frozenset[str] = frozenset()
    hidden_kinds: frozenset[str] = frozenset()
    hidden_spans: frozenset[str] = frozenset()
    low: int | None = None
    high: int | None = None
    score: float = 0.0
    joined: bool = False

    @property
    def shows_everything(self) -> bool:
        """Whether no filter is set."""
        return self == ViewFilters()

    def to_json(self) -> dict[str, Any]:
        """Fields that differ from their defaults, ready for JSON."""
        default = asdict(ViewFilters())
        changed = {k: v for k, v in asdict(self).items() if v != default[k]}
        return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in changed.items()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> ViewFilters:
        """The filters that ``to_json`` wrote; fields of later versions are ignored.

        Raises:
            InputError: A value does not suit its field.
        """
        defaults = {entry.name: getattr(ViewFilters(), entry.name) for entry in fields(ViewFilters)}
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name not in defaults:
                continue
            values[name] = _check_filter(name, value, defaults[name])
        return ViewFilters(**values)


def _check_filter(name: str, value: Any, default: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, frozenset) and isinstance(value, list):
        return frozenset(str(item) for item in value)
    if isinstance(default, bool) and isinstance(value, bool):
        return value
    if isinstance(default, float) and is_number and value >= 0 and value < float("inf"):
        return float(value)
    if default is None and isinstance(value, int) and is_number and value >= 0:
        return value
    raise InputError(f"its filter '{name}' is {value!r}")
