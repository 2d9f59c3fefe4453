"""What a label's claim is put to the test on: a task, or the prompt and the dictionaries of its circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.provenance import Provenance

if TYPE_CHECKING:
    from circuitviz.discovery import TaskSetting
    from circuitviz.evaluation.claims import ClaimSubject
    from circuitviz.features import Dictionary
    from circuitviz.models import Model


def prompt_pair_setting(origin: Provenance, model: Model) -> TaskSetting | None:
    """The setting of a circuit of one prompt: its pair, where it has a corrupted prompt and answers."""
    from circuitviz.discovery import make_setting
    from circuitviz.workbench.record_origin import rebuild_task

    question = AttributionQuery.from_provenance(origin)
    if question is None or not question.corrupted or not question.correct:
        return None
    task = rebuild_task(origin, model)
    return make_setting(model, task, "logit-diff" if question.incorrect else "log-prob")


def has_features(nodes: Iterable[str]) -> bool:
    """Whether any node is a feature, so that its dictionary is needed."""
    from circuitviz.features.feature_activations import is_feature_name

    return any(is_feature_name(name) for name in nodes)


def build_claim_input(
    members: tuple[Sequence[str], Sequence[str]],
    model: Model,
    setting: TaskSetting | None,
    movers: Sequence[str],
    dictionaries: Sequence[Dictionary] = (),
) -> ClaimSubject:
    """What a claim is about: ``members`` are the nodes and the edges that its label stands for."""
    from circuitviz.evaluation.claims import ClaimSubject

    nodes, edges = members
    return ClaimSubject(setting, tuple(nodes), tuple(edges), tuple(movers), tuple(dictionaries), model)
