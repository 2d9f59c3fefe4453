"""What a label's claim is put to the test on: a task, or the prompt and the dictionaries of its circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import PROMPT_TASK, AttributionQuery

if TYPE_CHECKING:
    from circuitviz.discovery import TaskSetting
    from circuitviz.evaluation.claims import ClaimSubject
    from circuitviz.features import Dictionary
    from circuitviz.models import Model


def prompt_pair_setting(query: AttributionQuery, model: Model) -> TaskSetting | None:
    """The setting of a circuit of one prompt: its pair, where it has a corrupted prompt and answers."""
    from circuitviz.discovery import make_setting
    from circuitviz.tasks import Pair, Task

    if not query.has_answer_pair:
        return None
    pair = Pair(query.prompt, query.corrupted, query.correct, query.incorrect)
    metric = "logit-diff" if query.incorrect else "log-prob"
    task = Task.from_pairs(PROMPT_TASK, [pair], model.tokens, metric=metric, bos=query.bos)
    return make_setting(model, task, metric)


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
