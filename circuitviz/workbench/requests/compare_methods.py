"""Every method against a reference, on the model and task that are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz import evaluation
from circuitviz.graph import BoolMatrix, Circuit
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class MethodsCompared(Reply):
    """A row for each method that is done, as ``ReferenceComparison.as_dict`` gives them."""

    reference_name: str
    rows: list[dict[str, Any]]
    done: bool


@dataclass(frozen=True)
class CompareMethods(Request):
    """Search with each method and hold what it finds against the reference."""

    title = "Could not compare the methods"
    priority = Priority.COMPARE_METHODS

    reference_name: str
    reference: Circuit
    reference_mask: BoolMatrix | None
    methods: tuple[str, ...]
    metric: str | None
    ablation: str

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Rows as they come, then all."""
        engine.require_open()
        how = (self.metric, self.ablation, self.reference_mask)
        steps = ProgressRunner(
            evaluation.compare_methods_steps(engine.model, engine.task, self.reference, self.methods, *how)
        )
        for step in steps:
            yield ProgressReported("Comparing methods", step.fraction, step.message)
            if isinstance(step.partial, list):
                yield self._make_reply(step.partial, False)
        yield self._make_reply(steps.result, True)

    def _make_reply(self, found: list[Any], done: bool) -> MethodsCompared:
        return MethodsCompared(self.reference_name, [row.as_dict() for row in found], done)
