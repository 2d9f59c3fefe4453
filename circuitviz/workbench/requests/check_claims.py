"""Labels' claims are put to the test one after another, each with a record of what it rested on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz.document import ClaimOutcome, Evidence, EvidenceContext, Origin
from circuitviz.document.origin import PromptOrigin
from circuitviz.errors import InputError
from circuitviz.evaluation import claims
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.claim_inputs import build_claim_input, has_features
from circuitviz.workbench.claim_outcomes import make_outcome
from circuitviz.workbench.experiment import Experiment
from circuitviz.workbench.prompt_experiment import PromptExperiment
from circuitviz.workbench.requests.discover_prompt_circuit import load_named_dictionaries, open_prompt_session
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class LabelClaim:
    """A claim on a target, the nodes and edges that it stands for, and what the document rests on."""

    target: str
    evidence: Evidence
    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    context: EvidenceContext


@dataclass(frozen=True)
class ClaimChecked(Reply):
    """What the test of one claim found; ``is_last`` of those that were asked for."""

    target: str
    evidence: Evidence
    outcome: ClaimOutcome
    is_last: bool = True

    @property
    def is_final(self) -> bool:
        """Whether it is the last of those that were asked for."""
        return self.is_last


@dataclass(frozen=True)
class CheckClaims(Request):
    """Test claims; ``name_movers`` are the heads that are called name movers."""

    title = "Could not test the claim"
    priority = Priority.CHECK_CLAIMS

    claims: tuple[LabelClaim, ...]
    name_movers: tuple[str, ...] = ()
    origin: Origin | None = None
    device: str = "cpu"

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One outcome for each claim; one that cannot be tested is told, and the others go on."""
        experiment = yield from self._open_experiment(engine)
        for number, claim in enumerate(self.claims):
            try:
                yield from self._check_claim(engine, experiment, claim, number)
            except InputError as error:
                yield JobFailed(self.title, f"{claim.target}: {error}")

    def _open_experiment(self, engine: Engine) -> Generator[Reply, None, Experiment]:
        """What claims are tested on: the prompt of the circuit, or the task that is open."""
        match self.origin:
            case PromptOrigin() as origin:
                session = yield from open_prompt_session(engine, origin.query, self.device)
                return PromptExperiment(origin, session)
            case origin:
                experiment = engine.require_experiment()
                if origin is not None and origin.requirements != engine.open_requirements:
                    raise InputError(
                        "A search has opened another model or task than this circuit was found on; "
                        "claims can be tested once it is over."
                    )
                return experiment

    def _check_claim(
        self, engine: Engine, experiment: Experiment, claim: LabelClaim, number: int
    ) -> Iterator[Reply]:
        folders = () if self.origin is None else self.origin.dictionaries
        found = (yield from load_named_dictionaries(engine, folders)) if has_features(claim.nodes) else ()
        members, setting = (claim.nodes, claim.edges), experiment.claim_setting
        subject = build_claim_input(members, experiment.model, setting, self.name_movers, found)
        steps = ProgressRunner(
            claims.claim_test_steps(claim.evidence.test, subject, **claim.evidence.options)
        )
        for step in steps:
            share = (number + step.fraction) / len(self.claims)
            yield ProgressReported("Testing a claim", share, f"{claim.target}, {claim.evidence.test}")
        basis = replace(claim.context, weights=experiment.model.weight_hash, task=experiment.task_hash)
        last = number == len(self.claims) - 1
        yield ClaimChecked(claim.target, claim.evidence, make_outcome(steps.result, basis), last)
