"""The claims of a document's labels put to the test, with what comes of it written into the document."""

from __future__ import annotations

from dataclasses import replace

from circuitviz.document import Document, Evidence, EvidenceContext, set_outcome
from circuitviz.evaluation import claims
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.claim_inputs import build_claim_input, has_features
from circuitviz.workbench.claim_outcomes import make_outcome, name_mover_heads
from circuitviz.workbench.experiment import Experiment


def run_claim_test_steps(
    document: Document, experiment: Experiment, target: str, evidence: Evidence
) -> ProgressSteps[Evidence]:
    """Run the test of one claim.

    Args:
        document: The document, which gets the outcome.
        experiment: What it is tested on: the document's model with its task or its prompt.
        target: The node, edge, group or class whose label makes the claim.
        evidence: The claim, one of the label's.

    Returns:
        A generator whose result is the claim with its outcome.

    Raises:
        InputError: The test does not suit the target or what is open.
    """
    state = document.state
    now = state.evidence_context_of(target)
    basis = EvidenceContext(experiment.model.weight_hash, experiment.task_hash, now.circuit, now.nodes)
    members = state.target_members(target)
    subject = build_claim_input(
        members,
        experiment.model,
        experiment.claim_setting,
        name_mover_heads(state),
        experiment.dictionaries if has_features(members[0]) else (),
    )
    result = yield from claims.claim_test_steps(evidence.test, subject, **evidence.options)
    outcome = make_outcome(result, basis)
    document.apply_command(set_outcome(target, evidence, outcome))
    return replace(evidence, outcome=outcome)
