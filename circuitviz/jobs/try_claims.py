"""Labels' claims are put to the test one after another, each with a record of what it rested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.messages import Failed, Moved, Reply, Request
from circuitviz.session import Basis, Evidence, Outcome
from circuitviz.session.outcomes import outcome_of

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Trial:
    """A claim on a target, the nodes and edges that it stands for, and what the document rests on."""

    target: str
    evidence: Evidence
    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    basis: Basis


@dataclass(frozen=True)
class Tried(Reply):
    """What the test of one claim found; ``last`` of those that were asked for."""

    target: str
    evidence: Evidence
    outcome: Outcome
    last: bool = True


@dataclass(frozen=True)
class TryClaims(Request):
    """Test claims; ``movers`` are the heads that are called name movers."""

    title = "The claim was not tested"
    rank = 35

    trials: tuple[Trial, ...]
    movers: tuple[str, ...] = ()

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One outcome for each claim; one that cannot be tested is told, and the others go on."""
        engine.need()
        for number, trial in enumerate(self.trials):
            try:
                yield from self._try(engine, trial, number)
            except InputError as error:
                yield Failed(self.title, f"{trial.target}: {error}")

    def _try(self, engine: Engine, trial: Trial, number: int) -> Iterator[Reply]:
        from circuitviz.evaluation.claims import Claimed, claim_steps

        claimed = Claimed(engine.where, trial.nodes, trial.edges, self.movers)
        steps = claim_steps(trial.evidence.test, claimed, **trial.evidence.options)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found = end.value
                break
            share = (number + step.done / max(step.total, 1)) / len(self.trials)
            yield Moved("Testing a claim", share, f"{trial.target}, {trial.evidence.test}")
        basis = replace(trial.basis, weights=engine.model.weight_hash, task=engine.task.hash)
        last = number == len(self.trials) - 1
        yield Tried(trial.target, trial.evidence, outcome_of(found, basis), last)
