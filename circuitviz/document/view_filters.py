"""What of a circuit is in sight: filters are part of the document, so they are saved and undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from circuitviz.errors import InputError

SIGNS = ("positive", "negative")
SIGN_MEANINGS = {  # what is said of positive and negative scores, by what is known of them
    "helps": ("raises the metric", "lowers the metric"),
    "flows": ("adds to what it reaches", "takes away from it"),
    "file": ("positive score in the file", "negative score in the file"),
    "none": ("edge of the circuit", "edge of the circuit"),
}
CHANNELS = ("q", "k", "v", "")


@dataclass(frozen=True)
class ViewFilters:
    """Filters of what is drawn; the circuit, and what is measured of it, stay whole.

    ``most``: at most so many edges, the strongest; ``least``: edges from this |score| on;
    ``hidden_signs`` and ``hidden_channels``: edges left out by sign (``positive``, ``negative``) and
    by input (``q``, ``k``, ``v``, or empty for MLPs and logits). ``hidden_kinds``: nodes left out by
    kind; ``low`` and ``high``: only layers from one to the other, input and logits apart;
    ``score``: nodes from this |score| on; ``joined``: only nodes that a drawn edge touches.
    """

    most: int | None = None
    least: float = 0.0
    hidden_signs: frozenset[str] = frozenset()
    hidden_channels: frozenset[str] = frozenset()
    hidden_kinds: frozenset[str] = frozenset()
    low: int | None = None
    high: int | None = None
    score: float = 0.0
    joined: bool = False

    @property
    def shows_everything(self) -> bool:
        """Whether nothing is hidden."""
        return self == ViewFilters()

    def to_json(self) -> dict[str, Any]:
        """What differs from seeing everything, as JSON has it."""
        default = asdict(ViewFilters())
        changed = {k: v for k, v in asdict(self).items() if v != default[k]}
        return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in changed.items()}

    @staticmethod
    def from_json(given: dict[str, Any]) -> ViewFilters:
        """Read what ``to_json`` wrote; InputError where a value cannot be a filter's."""
        known = {entry.name: getattr(ViewFilters(), entry.name) for entry in fields(ViewFilters)}
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                continue  # a later version's filter: nothing is hidden by it
            values[name] = _check_filter(name, value, known[name])
        return ViewFilters(**values)


def _check_filter(name: str, value: Any, default: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, frozenset) and isinstance(value, list):
        return frozenset(str(each) for each in value)
    if isinstance(default, bool) and isinstance(value, bool):
        return value
    if isinstance(default, float) and number and value >= 0 and value < float("inf"):
        return float(value)
    if default is None and isinstance(value, int) and number and value >= 0:
        return value
    raise InputError(f"its filter '{name}' is {value!r}")
