"""Labels' claims are put to the test one after another, each with a record of what it rested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.session import Basis, Evidence, Outcome
from circuitviz.session.outcomes import outcome_of

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Trial:
    """A claim on a target, and the nodes and edges that the target stands for."""

    target: str
    evidence: Evidence
    nodes: tuple[str, ...]
    edges: tuple[str, ...]


@dataclass(frozen=True)
class Tried(Reply):
    """What the test of one claim found."""

    target: str
    evidence: Evidence
    outcome: Outcome


@dataclass(frozen=True)
class TryClaims(Request):
    """Test claims. circuit: the hash that goes into each outcome's basis; movers: heads called so."""

    title = "The claim was not tested"
    rank = 35

    trials: tuple[Trial, ...]
    circuit: str
    movers: tuple[str, ...] = ()

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One outcome for each claim."""
        engine.need()
        from circuitviz.evaluation.claims import Claimed, claim_steps

        for number, trial in enumerate(self.trials):
            claimed = Claimed(engine.where, trial.nodes, trial.edges, self.movers)
            said = f"{trial.target}, {trial.evidence.test}"
            try:
                steps = claim_steps(trial.evidence.test, claimed, **trial.evidence.options)
                while True:
                    try:
                        step = next(steps)
                    except StopIteration as end:
                        found = end.value
                        break
                    share = (number + step.done / max(step.total, 1)) / len(self.trials)
                    yield Moved("Testing a claim", share, said)
            except InputError as error:
                raise InputError(f"{trial.target}: {error}") from None
            basis = Basis(engine.model.weight_hash, engine.task.hash, self.circuit)
            yield Tried(trial.target, trial.evidence, outcome_of(found, basis))
