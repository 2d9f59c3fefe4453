"""The ensemble against ranks counted edge by edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import Case

from circuitviz.discovery import discover, discover_steps
from circuitviz.errors import InputError
from circuitviz.graph import Scores

MEMBERS = ("eap", "relp", "information-flow-routes")


def _slow_rank(sizes: list[float], size: float) -> float:
    """How many edges are weaker, and half of those that are as strong, of all; nothing for no score."""
    weaker, equal = sum(other < size for other in sizes), sum(other == size for other in sizes)
    return (weaker + (equal + 1) / 2) / len(sizes) if size else 0.0


def test_scores_are_mean_ranks_with_the_sign_of_the_signed_mean(demo: Case) -> None:
    graph, few = demo.model.graph, demo.task.subset([0, 1])
    found = discover(demo.model, few, "ensemble", members=",".join(MEMBERS), metric="logit-diff")
    parts = [discover(demo.model, few, name, metric="logit-diff").values for name in MEMBERS]
    sizes = [np.abs(values[graph.mask]).tolist() for values in parts]
    signs = set()
    for s, r in np.random.default_rng(0).permutation(np.argwhere(graph.mask))[:60]:
        ranks = [
            _slow_rank(size, abs(values[s, r])) for size, values in zip(sizes, parts, strict=True)
        ]  # fmt: skip
        signed = sum(rank if values[s, r] > 0 else -rank for rank, values in zip(ranks, parts, strict=True))
        assert abs(found.values[s, r]) == pytest.approx(sum(ranks) / len(MEMBERS), abs=1e-12)
        assert (found.values[s, r] < 0) == (signed < 0)
        signs.add(signed < 0)
    assert signs == {True, False}
    assert not found.values[~graph.mask].any() and not found.are_effects
    assert found.greedy(100).n_edges == 100 and found.signed(400).n_edges > 0
    chosen = np.abs(found.values)[found.threshold(0.9).edges]
    assert len(chosen) and (chosen >= 0.9).all()


def test_partial_ranks_end_in_the_result(demo: Case) -> None:
    few = demo.task.subset([0, 1])
    steps, seen = discover_steps(demo.model, few, "ensemble", members="eap,gim"), []
    try:
        while True:
            seen.append(next(steps))
    except StopIteration as end:
        whole = end.value
    assert [step.fraction for step in seen] == sorted(step.fraction for step in seen)
    assert seen[0].message.startswith("eap: ") and seen[-1].message.startswith("gim: ")
    assert isinstance(seen[-1].partial, Scores) and seen[-1].partial.partial and not whole.partial
    assert np.array_equal(seen[-1].partial.values, whole.values)


@pytest.mark.parametrize(
    ("members", "setting", "message"),
    [
        ("eap", {}, "two or more different methods"),
        ("eap,eap", {}, "two or more different methods"),
        ("eap,ensemble", {}, "'ensemble' cannot be part"),
        ("eap,task-attribution", {}, "'task-attribution' cannot be part"),
        ("eap,gin", {}, "no method 'gin'.*gim"),
        ("exact,eap", {"metric": "accuracy"}, "'eap' needs a gradient"),
        ("eap-ig,gim", {"metric": "kl"}, "'gim' has no gradient of 'kl'"),
    ],
)
def test_what_cannot_be_combined_is_refused_at_once(
    demo: Case, members: str, setting: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        discover_steps(demo.model, demo.task, "ensemble", members=members, **setting)
