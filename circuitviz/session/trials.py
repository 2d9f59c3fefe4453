"""What a label's claim is put to the test on: a task, or the prompt and the dictionaries of its circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from circuitviz.session.provenance import Provenance
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.discovery import Setting
    from circuitviz.evaluation.claims import Claimed
    from circuitviz.features import Dictionary
    from circuitviz.models import Model


def own_pair(where: Provenance, model: Model) -> Setting | None:
    """The setting of a circuit of one prompt: its pair, where it has a corrupted prompt and answers."""
    from circuitviz.discovery import setting
    from circuitviz.session.origin import task_of

    question = Question.of(where)
    if question is None or not question.corrupted or not question.correct:
        return None
    task = task_of(where, model)
    return setting(model, task, "logit-diff" if question.incorrect else "log-prob")


def of_features(nodes: Iterable[str]) -> bool:
    """Whether any node is a feature, so that its dictionary is needed."""
    from circuitviz.features.firing import is_feature

    return any(is_feature(name) for name in nodes)


def claimed(
    parts: tuple[Sequence[str], Sequence[str]],
    model: Model,
    setting: Setting | None,
    movers: Sequence[str],
    dictionaries: Sequence[Dictionary] = (),
) -> Claimed:
    """What a claim is about: ``parts`` are the nodes and the edges that its label stands for."""
    from circuitviz.evaluation.claims import Claimed

    nodes, edges = parts
    return Claimed(setting, tuple(nodes), tuple(edges), tuple(movers), tuple(dictionaries), model)
