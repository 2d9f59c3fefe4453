"""Labels' claims are put to the test one after another, each with a record of what it rested on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz.document import Evidence, EvidenceContext, Origin, Outcome
from circuitviz.document.origin import PromptOrigin
from circuitviz.errors import InputError
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.claim_outcomes import make_outcome
from circuitviz.workbench.requests.discover_prompt_circuit import load_named_dictionaries, open_prompt_session
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.discovery import TaskSetting
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
    outcome: Outcome
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
        where, task_hash = yield from self._open_setting(engine)
        for number, claim in enumerate(self.claims):
            try:
                yield from self._check_claim(engine, where, task_hash, claim, number)
            except InputError as error:
                yield JobFailed(self.title, f"{claim.target}: {error}")

    def _open_setting(self, engine: Engine) -> Generator[Reply, None, tuple[TaskSetting | None, str]]:
        """The setting that claims are tested in, None where only a prompt is open; and the task's hash."""
        match self.origin:
            case PromptOrigin(query=query):
                from circuitviz.workbench.claim_inputs import prompt_pair_setting

                opened = yield from open_prompt_session(engine, query, self.device)
                return prompt_pair_setting(query, engine.model), opened.record_origin(query).task_hash
            case origin:
                engine.require_open()
                if origin is not None and origin.requirements != engine.open_requirements:
                    raise InputError(
                        "A search has opened another model or task than this circuit was found on; "
                        "claims can be tested once it is over."
                    )
                return engine.setting, engine.task.hash

    def _check_claim(
        self, engine: Engine, setting: TaskSetting | None, task_hash: str, claim: LabelClaim, number: int
    ) -> Iterator[Reply]:
        from circuitviz.evaluation.claims import claim_test_steps
        from circuitviz.workbench.claim_inputs import build_claim_input, has_features

        folders = () if self.origin is None else self.origin.dictionaries
        found = (yield from load_named_dictionaries(engine, folders)) if has_features(claim.nodes) else ()
        about = build_claim_input((claim.nodes, claim.edges), engine.model, setting, self.name_movers, found)
        steps = ProgressRunner(claim_test_steps(claim.evidence.test, about, **claim.evidence.options))
        for step in steps:
            share = (number + step.fraction) / len(self.claims)
            yield ProgressReported("Testing a claim", share, f"{claim.target}, {claim.evidence.test}")
        basis = replace(claim.context, weights=engine.model.weight_hash, task=task_hash)
        last = number == len(self.claims) - 1
        yield ClaimChecked(claim.target, claim.evidence, make_outcome(steps.result, basis), last)
