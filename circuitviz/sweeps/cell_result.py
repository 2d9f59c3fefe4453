"""What a cell gave, as it is kept in its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from circuitviz.errors import InputError
from circuitviz.sweeps.cell import SweepCell

CellStatus = Literal["done", "refused", "failed"]
"""``refused``: the method does not suit model, task or ablation; ``failed``: it might work another time."""


@dataclass(frozen=True)
class CellResult:
    """What a cell gave, or why it gave nothing.

    Attributes:
        digest: Digest of the cell.
        cell: The cell, as ``SweepCell.as_dict`` gives it.
        status: Whether it is done.
        reason: Why it is refused or has failed.
        points: One for each size: ``size``, ``asked``, ``edges``, ``weighted_edges``, ``value``,
            ``low``, ``high``; sizes above what the method examined are missing.
        areas: ``cpr``, ``cmd`` and ``cpr_clipped`` with ``value``, ``low``, ``high``, where the sizes are
            MIB's and all edges were scored.
        sample: Whether the prompts of the judgement are others than those of the search.
        metric: Name of the metric.
        select: The rule by which edges were chosen.
        n_edges: Number of edges of the graph.
        search_s: Duration of the search, in seconds.
        search_processor_s: Processor time of the search, in seconds.
        judge_s: Duration of the judgement, in seconds.
        weight_hash: Hash of the model's weights.
        machine: Where it ran.
        versions: Versions of the packages that numbers depend on.
        finished: When, in ISO 8601.
    """

    digest: str
    cell: Mapping[str, Any]
    status: CellStatus = "done"
    reason: str = ""
    points: list[dict[str, Any]] = field(default_factory=list)
    areas: dict[str, dict[str, Any]] = field(default_factory=dict)
    sample: str = ""
    metric: str = ""
    select: str = ""
    n_edges: int = 0
    search_s: float = 0.0
    search_processor_s: float = 0.0
    judge_s: float = 0.0
    weight_hash: str = ""
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""

    @classmethod
    def of_failure(cls, cell: SweepCell, reason: str) -> CellResult:
        """The result of a cell that failed now."""
        return cls(cell.digest, cell.as_dict(), "failed", reason).finished_now()

    def finished_now(self) -> CellResult:
        """The result with the present time."""
        return replace(self, finished=datetime.now(UTC).isoformat(timespec="seconds"))

    def to_json(self) -> bytes:
        """Return the result as its file holds it."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: Any, name: str) -> CellResult:
        """Read what ``to_json`` wrote, parsed; fields of later versions are left out.

        Args:
            data: The parsed JSON.
            name: Name of the file, for messages.

        Raises:
            InputError: It is no result of a cell.
        """
        if not isinstance(data, dict) or not isinstance(data.get("cell"), dict):
            raise InputError(f"'{name}' is not the result of a sweep's cell: it names no cell.")
        if data.get("status") not in get_args(CellStatus):
            raise InputError(f"'{name}' is not the result of a sweep's cell: its status is not known.")
        values = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
        for key, meant in asdict(cls("", {})).items():
            kinds = (int, float) if isinstance(meant, float) else type(meant)
            if not isinstance(values.get(key, meant), kinds):
                raise InputError(f"'{name}' is not the result of a sweep's cell: '{key}' is {values[key]!r}.")
        return cls(**values)
