"""What a label's claim is put to the test on: a task, or the prompt and the dictionaries of its circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from circuitviz import discovery, features, models, tasks
from circuitviz.document.attribution_query import PROMPT_TASK, AttributionQuery
from circuitviz.evaluation import claims
from circuitviz.graph.names import split_edge_span, split_span


def prompt_pair_setting(query: AttributionQuery, model: models.Model) -> discovery.TaskSetting | None:
    """The setting of a circuit of one prompt: its pair, where it has a corrupted prompt and answers."""
    if not query.has_answer_pair:
        return None
    pair = tasks.PromptPair(query.prompt, query.corrupted, query.correct, query.incorrect)
    metric = "logit-diff" if query.incorrect else "log-prob"
    task = tasks.Task.from_pairs(PROMPT_TASK, [pair], model.tokens, metric=metric, bos=query.bos)
    return discovery.make_setting(model, task, metric)


def has_features(nodes: Iterable[str]) -> bool:
    """Whether any node is a feature, so that its dictionary is needed."""
    return any(features.is_feature_name(name) for name in nodes)


def build_claim_input(
    members: tuple[Sequence[str], Sequence[str]],
    model: models.Model,
    setting: discovery.TaskSetting | None,
    movers: Sequence[str],
    dictionaries: Sequence[features.Dictionary] = (),
) -> claims.ClaimSubject:
    """What a claim is about: ``members`` are the nodes and the edges that its label stands for.

    Those of a circuit by span are tested as components, at all positions.
    """
    nodes = tuple(dict.fromkeys(split_span(name)[0] for name in members[0]))
    edges = tuple(dict.fromkeys(split_edge_span(name)[0] for name in members[1]))
    return claims.ClaimSubject(setting, nodes, edges, tuple(movers), tuple(dictionaries), model)
