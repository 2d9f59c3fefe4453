"""One cell of a sweep: a search with one method on one task of one model, judged at several sizes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

CELL_FORMAT = 1
"""Part of every digest: a greater number where cells would give other numbers than before."""

RANDOM_METHOD = "random"  # rankings that are drawn instead of searched

Options = tuple[tuple[str, Any], ...]
"""Options by name, sorted, all of them: a default that changes later is another cell."""


@dataclass(frozen=True)
class PlannedItem:
    """A task or a method of a plan.

    Attributes:
        name: Name of the task or its file's path; name of the method, ``random`` for drawn rankings.
        label: How tables call it.
        options: Its options.
    """

    name: str
    label: str
    options: Options = ()


@dataclass(frozen=True)
class SweepCell:
    """All that decides a cell's numbers.

    Attributes:
        model: Name of the model, or path of its folder.
        task: The task.
        method: The method.
        ablation: Name of the ablation.
        seed: Seed of the task's draws.
        metric: Name of the metric; empty: the task's own.
        dtype: Precision of the weights.
        select: The rule by which edges are chosen at each size; ``auto``: the method's own.
        sizes: Sizes of the circuits: up to 1 a share of the graph's edges, above 1 a number of edges.
        prompts: Prompts that circuits are judged on.
        search_prompts: Other prompts, of the search; 0: the same prompts, so that numbers are in-sample.
        files: Digests of the files that model and task are read from, by name; of a model that is named
            without a folder there are none.
    """

    model: str
    task: PlannedItem
    method: PlannedItem
    ablation: str
    seed: int
    metric: str
    dtype: str
    select: str
    sizes: tuple[float, ...]
    prompts: int
    search_prompts: int
    files: tuple[tuple[str, str], ...] = ()

    @cached_property
    def digest(self) -> str:
        """The name of the cell's file: 24 hexadecimal digits of SHA-256 over all that decides its numbers.

        A path counts by the content of its files, so that a folder may be moved.
        """
        named = dict(self.files)
        told: dict[str, Any] = asdict(self) | {"format": CELL_FORMAT}
        told["model"] = named.get("model", self.model)
        told["task"]["name"] = named.get("task", self.task.name)
        told["task"].pop("label")
        told["method"].pop("label")
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def text(self) -> str:
        """What the cell is, in one line."""
        parts = [self.model_label, self.task.label, self.method.label, self.ablation, f"seed {self.seed}"]
        return ", ".join(parts)

    @property
    def model_label(self) -> str:
        """How tables call the model: its name without folders."""
        return self.model.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or self.model

    def as_dict(self) -> dict[str, Any]:
        """Return the cell as files hold it."""
        return {
            **asdict(self),
            "task": {**asdict(self.task), "options": dict(self.task.options)},
            "method": {**asdict(self.method), "options": dict(self.method.options)},
            "files": dict(self.files),
            "sizes": list(self.sizes),
        }
