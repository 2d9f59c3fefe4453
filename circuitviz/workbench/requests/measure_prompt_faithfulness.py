"""Faithfulness of a circuit of features as it is on the screen, and what was done to the target beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.graph import Evaluation
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.prompt_evaluation import (
    PromptEvaluationRequest,
    evaluate_prompt_request,
    open_bench,
)
from circuitviz.workbench.requests.discover_prompt_circuit import open_prompt_session
from circuitviz.workbench.requests.measure_faithfulness import FaithfulnessMeasured
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class MeasurePromptFaithfulness(Request):
    """Measure a circuit of features on its prompt. The latest wins."""

    title = "Could not measure faithfulness"
    priority = Priority.MEASURE_FAITHFULNESS

    evaluation_request: PromptEvaluationRequest
    key: str
    device: str = "cpu"

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The faithfulness first, then all; between runs a newer request is looked for."""
        opened = yield from open_prompt_session(engine, self.evaluation_request.query, self.device)
        steps = ProgressRunner(evaluate_prompt_request(opened, self.evaluation_request))
        for step in steps:
            yield ProgressReported("Measuring faithfulness", step.fraction, step.message)
            if isinstance(step.partial, Evaluation):
                yield FaithfulnessMeasured(self.key, "small", step.partial.as_dict())
        bench, names = open_bench(opened), (*self.evaluation_request.nodes, *self.evaluation_request.ablated)
        left = bench.cached_remaining_shares(names, self.evaluation_request.ablation)
        yield FaithfulnessMeasured(self.key, "exact", steps.result.as_dict(), left)
        if not left:  # for the estimates to come: nobody waits for it
            left = bench.remaining_shares(names, self.evaluation_request.ablation)
            yield FaithfulnessMeasured(self.key, "exact", steps.result.as_dict(), left)
