"""Faithfulness of a circuit of features as it is on the screen, and what was done to the target beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.measure import Measured
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.jobs.prompted import prompted
from circuitviz.progress import Driven
from circuitviz.session import Trial, measure_trial
from circuitviz.session.causal import bench_of

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class MeasureTrial(Request):
    """Measure a circuit of features on its prompt. The latest wins."""

    title = "Faithfulness was not measured"
    rank = 10

    trial: Trial
    key: str
    device: str = "cpu"

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """The faithfulness first, then all; between runs a newer request is looked for."""
        opened = yield from prompted(engine, self.trial.question, self.device)
        steps = Driven(measure_trial(opened, self.trial))
        for step in steps:
            yield Moved("Measuring faithfulness", step.share, step.message)
            if isinstance(step.partial, dict):
                yield Measured(self.key, "small", step.partial)
        bench, names = bench_of(opened), (*self.trial.nodes, *self.trial.out)
        left = bench.known_shares(names, self.trial.ablation)
        yield Measured(self.key, "exact", steps.result, left)
        if not left:  # for the estimates to come: nobody waits for it
            left = bench.shares(names, self.trial.ablation)
            yield Measured(self.key, "exact", steps.result, left)
