"""Ensemble: the mean rank of each edge over several methods, which err on different edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.edge_ranks import RANK_INFO, rank_edges
from circuitviz.discovery.registry import TaskSetting, check_method, discover_steps, methods
from circuitviz.discovery.search_cost import CountPasses, PassCount
from circuitviz.discovery.task_attribution import METHOD_NAME as TASK_ATTRIBUTION
from circuitviz.errors import InputError
from circuitviz.graph import Graph, Scores
from circuitviz.options import build_options, option
from circuitviz.progress import Progress, ProgressSteps

METHOD_NAME = "ensemble"


@dataclass(frozen=True)
class EnsembleOptions:
    """Which methods are combined."""

    members: str = option(
        "eap,eap-ig,gim", "two or more methods, separated by commas, with their default options"
    )


@methods.register(
    METHOD_NAME,
    summary="Mean rank of each edge over several methods",
    reference="Mondorf et al. 2025",
    use="Where methods disagree, and ranks are enough: a score is no effect",
    options=EnsembleOptions,
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def ensemble(setting: TaskSetting, options: EnsembleOptions) -> ProgressSteps[Scores]:
    """|s(u→v)| = mean over methods of the rank of |their score|, from 0 to 1 for the strongest.

    The sign is that of the mean of the ranks with the signs of their scores, positive where that is 0. An
    edge that a method scores 0 has rank 0 there. Source: [mondorf2025ensemble].

    Raises:
        InputError: A name is no method of this graph, or a method does not suit the setting; raised at once.
    """
    members = parse_members(options.members)
    parts = [
        discover_steps(setting.model, setting.task, name, setting.metric, setting.ablation)
        for name in members
    ]
    return _combine(setting.model.graph, members, parts)


def parse_members(names: str) -> list[str]:
    """Names of the methods of an ensemble.

    Args:
        names: Names with commas between them.

    Raises:
        InputError: There are fewer than two, one is named twice, or one cannot be part of an ensemble.
    """
    members = [name.strip() for name in names.split(",") if name.strip()]
    for name in members:
        methods.get(name)
    excluded = [name for name in members if name in (METHOD_NAME, TASK_ATTRIBUTION)]
    if excluded:
        raise InputError(
            f"'{excluded[0]}' cannot be part of an ensemble, whose methods score the edges of one graph of "
            "components; eap-ig and gim, for example, can."
        )
    if len(members) < 2 or len(set(members)) < len(members):
        raise InputError(
            f"An ensemble of '{names}' was asked for; two or more different methods, separated by commas, "
            "would be right."
        )
    return members


def combine_ranks(graph: Graph, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean ranks of edges with the sign of the mean signed rank.

    Args:
        graph: The graph.
        parts: Scores of each method [senders, receivers].

    Returns:
        Float64 [senders, receivers].
    """
    ranks = [rank_edges(graph, np.abs(values)) for values in parts]
    signed = sum(rank * np.sign(values) for rank, values in zip(ranks, parts, strict=True))
    return np.asarray(np.where(signed < 0, -1.0, 1.0) * sum(ranks) / len(parts))


def _combine(
    graph: Graph, members: Sequence[str], parts: Sequence[ProgressSteps[Scores]]
) -> ProgressSteps[Scores]:
    finished: list[NDArray[np.float64]] = []
    for number, (name, steps) in enumerate(zip(members, parts, strict=True)):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                finished.append(end.value.values)
                break
            partial = None
            if isinstance(step.partial, Scores):
                values = combine_ranks(graph, [*finished, step.partial.values])
                partial = Scores(graph, values, METHOD_NAME, partial=True, info=RANK_INFO)
            yield Progress(number + step.fraction, len(members), f"{name}: {step.message}", partial)
    return Scores(graph, combine_ranks(graph, finished), METHOD_NAME, info=RANK_INFO)


def _count_passes(setting: TaskSetting, options: EnsembleOptions) -> PassCount:
    forwards, backwards, is_upper_bound = 0.0, 0.0, False
    for name in parse_members(options.members):
        entry = methods.get(name)
        member_options = build_options(entry.options, {})
        check_method(setting, name, member_options)
        count: CountPasses | None = entry.extra.get("count_passes")
        if count is None:
            continue
        passes = count(setting, member_options)
        forwards, backwards = forwards + passes.forwards, backwards + passes.backwards
        is_upper_bound |= passes.is_upper_bound
    return PassCount(forwards, backwards, is_upper_bound)
