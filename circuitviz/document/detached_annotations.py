"""Annotations of nodes that the circuit does not show at present, for example heads shown as features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circuitviz.document.groups import Group
from circuitviz.document.labels import Label


@dataclass(frozen=True)
class DetachedAnnotations:
    """Annotations of nodes and edges that the circuit's graph lacks.

    Attributes:
        labels: Labels by target, with those of the detached groups.
        positions: Positions by node, in the layout's units.
        groups: Groups by name.
    """

    labels: Mapping[str, Label] = field(default_factory=dict)
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there are any annotations."""
        return bool(self.labels or self.positions or self.groups)

    @property
    def identity(self) -> list[Any]:
        """All annotations as JSON data, for hashing."""
        return [
            sorted((target, label.digest()) for target, label in self.labels.items()),
            sorted(self.positions.items()),
            sorted((name, group.identity) for name, group in self.groups.items()),
        ]
