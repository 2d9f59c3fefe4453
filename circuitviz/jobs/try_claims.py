"""Labels' claims are put to the test one after another, each with a record of what it rested on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.messages import Failed, Moved, Reply, Request
from circuitviz.jobs.prompted import dictionaries_of, prompted
from circuitviz.progress import Driven
from circuitviz.session import Basis, Evidence, Outcome, Provenance
from circuitviz.session.outcomes import outcome_of
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.discovery import Setting
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Claim:
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

    claims: tuple[Claim, ...]
    movers: tuple[str, ...] = ()
    provenance: Provenance | None = None
    device: str = "cpu"

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One outcome for each claim; one that cannot be tested is told, and the others go on."""
        where, task_hash = yield from self._open(engine)
        for number, claim in enumerate(self.claims):
            try:
                yield from self._try(engine, where, task_hash, claim, number)
            except InputError as error:
                yield Failed(self.title, f"{claim.target}: {error}")

    def _open(self, engine: Engine) -> Generator[Reply, None, tuple[Setting | None, str]]:
        """The setting that claims are tested in, None where only a prompt is open; and the task's hash."""
        question = Question.of(self.provenance)
        if question is None or self.provenance is None:
            engine.need()
            if self.provenance is not None and self.provenance.opening != engine.opened_for:
                raise InputError(
                    "A search has opened another model or task than this circuit was found on; "
                    "claims can be tested once it is over."
                )
            return engine.where, engine.task.hash
        from circuitviz.session.trials import own_pair

        opened = yield from prompted(engine, question, self.device)
        return own_pair(self.provenance, engine.model), opened.provenance(question).task_hash

    def _try(
        self, engine: Engine, where: Setting | None, task_hash: str, claim: Claim, number: int
    ) -> Iterator[Reply]:
        from circuitviz.evaluation.claims import claim_steps
        from circuitviz.session.trials import claimed, of_features

        folders = () if self.provenance is None else self.provenance.dictionaries
        found = (yield from dictionaries_of(engine, folders)) if of_features(claim.nodes) else ()
        about = claimed((claim.nodes, claim.edges), engine.model, where, self.movers, found)
        steps = Driven(claim_steps(claim.evidence.test, about, **claim.evidence.options))
        for step in steps:
            share = (number + step.share) / len(self.claims)
            yield Moved("Testing a claim", share, f"{claim.target}, {claim.evidence.test}")
        basis = replace(claim.basis, weights=engine.model.weight_hash, task=task_hash)
        last = number == len(self.claims) - 1
        yield Tried(claim.target, claim.evidence, outcome_of(steps.result, basis), last)
