"""How much of the model's behaviour a circuit keeps when everything outside it is ablated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import Setting, ablation_values
from circuitviz.discovery.ablation_values import Values
from circuitviz.errors import InputError
from circuitviz.evaluation.intervals import Interval, bootstrap
from circuitviz.graph import BoolMatrix, Circuit, Interventions
from circuitviz.models import PatchedRun, record
from circuitviz.models.batches import batches, out_of_memory
from circuitviz.models.replacements import Replacements
from circuitviz.progress import Progress, Steps
from circuitviz.tasks import Task

COPIES = 2.0  # sender outputs of a run, and of what it restarts from
KEPT = 3  # runs kept, each of at most one batch's memory
NONE = 1e-6  # below this share of the metric's size, L(M) and L(∅) do not differ


@dataclass(frozen=True)
class Evaluation:
    """Faithfulness with the raw numbers behind it and the setting they were measured in.

    ``circuit``, ``model``, ``ablated``: mean metric of the circuit, the full model, and with
    everything ablated. ``per_prompt`` holds the same three per prompt, [prompts].
    """

    faithfulness: Interval
    circuit: float
    model: float
    ablated: float
    metric: str
    ablation: str
    prompts: int
    seed: int
    edges: int
    nodes: int
    per_prompt: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        f = self.faithfulness
        return {
            "faithfulness": {"value": f.value, "low": f.low, "high": f.high},
            "metric": {"circuit": self.circuit, "model": self.model, "ablated": self.ablated},
            "edges": self.edges,
            "nodes": self.nodes,
            "setting": {
                "metric": self.metric,
                "ablation": self.ablation,
                "prompts": self.prompts,
                "seed": self.seed,
            },
        }


def faithfulness(circuit: Any, model: Any, ablated: Any) -> Any:
    """(L(C) − L(∅)) / (L(M) − L(∅)), elementwise; NaN where the two do not differ.

    Hanna et al. 2024; METHODS: Judging a circuit.
    """
    span = np.asarray(model - ablated, dtype=float)
    size = np.maximum(np.abs(model), np.abs(ablated))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(circuit - ablated, dtype=float) / span
    return np.where(np.abs(span) <= NONE * np.maximum(size, 1e-12), np.nan, value)


class Bench:
    """A task with its clean and ablated runs made once, on which any circuit is measured.

    Batches that were measured keep their last run, so that a small change restarts in the middle, as
    long as all runs together stay within what memory allows; of larger tasks the rest is run anew.
    ``free``: nodes of the circuit may be made to write something else.
    """

    def __init__(self, where: Setting, free: bool = False) -> None:
        self.setting, self.free = where, free
        self._others: dict[str, Values] = {}
        task = where.task
        self._rows = list(batches(where.model, len(task), task.clean.shape[1], COPIES))
        self._values = ablation_values(where.model, task, where.ablation)
        self._kept: dict[range, tuple[Task, Any, Tensor]] = {}
        self._whole: NDArray[np.float64] | None = None
        self._nothing: NDArray[np.float64] | None = None

    def under(self, where: Setting) -> Bench:
        """A bench of the same kind in another setting."""
        return Bench(where)

    def prepare(self) -> Steps[None]:
        """Run the clean model and the ablated one; yields after each batch."""
        if self._whole is not None:
            return
        graph = self.setting.model.graph
        whole, nothing = yield from self._each(
            lambda part, run, reference: [
                self._measure(run, part, reference, edges)
                for edges in (graph.mask, np.zeros_like(graph.mask))
            ],
            "full and ablated model",
        )
        self._whole, self._nothing = whole, nothing

    def runs(self) -> Iterator[tuple[Task, PatchedRun, Tensor]]:
        """Each batch of the task with its run and the clean model's logits."""
        for rows in self._rows:
            yield self._run(rows)

    def _run(self, rows: range) -> tuple[Task, PatchedRun, Tensor]:
        if rows not in self._kept:
            model, part = self.setting.model, self.setting.task.subset(rows)
            clean = record(model, part.clean, part.lengths - 1)
            assert clean.logits is not None
            run = PatchedRun(model, part.clean, part.lengths - 1, self._values(part), self.free)
            if len(self._kept) >= KEPT:
                return part, run, clean.logits
            self._kept[rows] = (part, run, clean.logits)
        return self._kept[rows]

    def _each(
        self, work: Callable[[Task, PatchedRun, Tensor], list[NDArray[np.float64]]], message: str
    ) -> Steps[list[NDArray[np.float64]]]:
        """Numbers of each batch, joined; where memory runs out, batches are halved and remade."""
        found, done, number = [], 0, len(self.setting.task)
        while done < len(self._rows):
            rows = self._rows[done]
            try:
                found.append(work(*self._run(rows)))
            except (MemoryError, RuntimeError) as error:
                if len(rows) == 1 or not out_of_memory(error):
                    raise
                self._kept.clear()
                size = max(1, len(rows) // 2)
                self.setting.model.largest_batch = size
                later = range(rows.start, number)
                self._rows[done:] = [later[i : i + size] for i in range(0, len(later), size)]
                yield Progress(rows.start, number, f"memory ran out; going on with {size} prompts at a time")
                continue
            done += 1
            yield Progress(rows.stop, number, message)
        return [np.concatenate(part) for part in zip(*found, strict=True)]

    def evaluate(self, circuit: Circuit, changed: Interventions | None = None) -> Steps[Evaluation]:
        """Measure one circuit exactly as it is given; yields between batches.

        ``changed``: what some of its nodes send along its edges instead of their own output.
        """
        yield from self.prepare()
        (found,) = yield from self._each(
            lambda part, run, reference: [
                self._measure(run, part, reference, circuit.edges, self.replaced(part, run, changed or {}))
            ],
            "circuit",
        )
        return self._evaluation(circuit, found)

    def replaced(self, part: Task, run: PatchedRun, changed: Interventions) -> Replacements | None:
        """Interventions on one batch; InputError on a node that cannot be changed so."""
        if not changed:
            return None
        where = self.setting
        run.others.setdefault(where.ablation, run.ablated)
        for kind in {what.value for what in changed.values()} - run.others.keys() - {"scale"}:
            if kind not in self._others:
                self._others[kind] = ablation_values(where.model, where.task, kind)
            run.others[kind] = self._others[kind](part)
        return Replacements(where.model, part.lengths - 1, part.clean.shape[1], changed, run.others)

    def _measure(
        self,
        run: PatchedRun,
        part: Task,
        reference: Tensor,
        edges: BoolMatrix,
        replaced: Replacements | None = None,
    ) -> NDArray[np.float64]:
        return self._numbers(run.logits(edges, replaced), part, reference)

    @torch.no_grad()
    def _numbers(self, logits: Tensor, part: Task, reference: Tensor) -> NDArray[np.float64]:
        values = self.setting.measure(logits, part, reference)
        numbers: NDArray[np.float64] = values.double().cpu().numpy()
        if not np.isfinite(numbers).all():
            raise InputError(
                f"The metric '{self.setting.metric}' is not a number on {(~np.isfinite(numbers)).sum()} "
                "prompts: the model's activations overflow or hold NaN; check its weights."
            )
        return numbers

    def _evaluation(self, circuit: Circuit, found: NDArray[np.float64]) -> Evaluation:
        assert self._whole is not None and self._nothing is not None
        where = self.setting
        values = (found, self._whole, self._nothing)
        ours, whole, nothing = (float(v.mean()) for v in values)
        return Evaluation(
            bootstrap(values, faithfulness, where.task.seed),
            ours,
            whole,
            nothing,
            where.metric,
            where.ablation,
            len(where.task),
            where.task.seed,
            circuit.n_edges,
            circuit.n_nodes,
            dict(zip(("circuit", "model", "ablated"), values, strict=True)),
        )
