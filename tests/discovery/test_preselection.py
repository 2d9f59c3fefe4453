"""Slow methods on the edges that EAP chooses: those edges alone are examined, and the others have no score."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Case

from circuitviz.discovery import discover, discover_steps, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, measure_curve_steps
from circuitviz.graph import Scores
from circuitviz.progress import run_to_completion

N_EDGES = 120


@pytest.fixture(scope="module")
def eap(demo: Case) -> Scores:
    return discover(demo.model, demo.task, "eap", metric="logit-diff")


def test_exact_effects_of_preselected_edges_are_those_of_a_search_of_all(demo: Case, eap: Scores) -> None:
    chosen = eap.greedy(N_EDGES).edges
    whole = discover(demo.model, demo.task, "exact", metric="logit-diff")
    found = discover(demo.model, demo.task, "exact", metric="logit-diff", preselect=N_EDGES)
    assert whole.examined is None and np.array_equal(found.examined, chosen)
    assert np.allclose(found.values[chosen], whole.values[chosen], atol=1e-5)
    assert not found.values[~chosen].any() and np.abs(found.values[chosen]).max() > 0.1
    both = discover(
        demo.model, demo.task, "exact", metric="logit-diff", preselect=N_EDGES, receivers="logits"
    )
    of_logits = chosen & (np.arange(chosen.shape[1]) == chosen.shape[1] - 1)
    assert np.array_equal(both.examined, of_logits)


def test_acdc_begins_with_the_preselected_edges(demo: Case, eap: Scores) -> None:
    """The naive algorithm, from EAP's circuit on: one slow forward for each edge."""
    graph, task, at = demo.model.graph, demo.task, demo.task.lengths - 1
    clean, *_, theirs = demo.slow_outputs()
    chosen, tau = eap.greedy(50).edges, 0.02
    found = discover(demo.model, task, "acdc", metric="logit-diff", preselect=50, tau=tau)
    assert np.array_equal(found.examined, chosen)
    removed = {graph.edge_name(int(s), int(r)) for s, r in np.argwhere(graph.mask & ~chosen)}

    def divergence(removed_edges: set[str]) -> float:
        logits, _ = demo.slow.run(task.clean, at, theirs, removed_edges)
        p, q = clean.log_softmax(-1), logits.log_softmax(-1)
        return float((p.exp() * (p - q)).sum(-1).mean())

    current, kept = divergence(removed), set()
    assert current > 0.01, "the search does not begin with the whole model"
    for receiver in reversed(range(len(graph.receivers))):
        for sender in np.flatnonzero(chosen[:, receiver])[::-1]:
            name = graph.edge_name(int(sender), receiver)
            now = divergence(removed | {name})
            assert abs(now - current - tau) > 1e-4, f"{name} is too near to the threshold to be decided"
            if now - current < tau:
                removed.add(name)
                current = now
            else:
                kept.add(name)
                assert found.values[sender, receiver] == pytest.approx(now - current, abs=2e-4)
    assert kept == {graph.edge_name(int(s), int(r)) for s, r in np.argwhere(found.values >= tau)} != set()
    assert set(found.select_by_method().edge_names) <= kept


def test_a_curve_ends_where_the_examined_edges_do(demo: Case) -> None:
    scores = discover(demo.model, demo.task, "exact", metric="logit-diff", preselect=30)
    bench = FaithfulnessBench(make_setting(demo.model, demo.task, "logit-diff"))
    points = run_to_completion(measure_curve_steps(bench, scores, "top", [10, 30, 31, 400]))
    assert [point.requested_edges for point in points] == [10, 30]


def test_what_cannot_preselect_says_so(demo: Case) -> None:
    n_edges = demo.model.graph.n_edges
    for metric, n, sentence in (
        ("accuracy", 30, "'eap' needs a gradient"),
        ("kl", 30, "no gradient of 'kl' at the clean prompts"),
        ("logit-diff", n_edges + 1, f"this model has {n_edges:,}"),
    ):
        with pytest.raises(InputError, match=sentence):
            run_to_completion(discover_steps(demo.model, demo.task, "exact", metric=metric, preselect=n))
    with pytest.raises(InputError, match=r"None of the 3 edges that EAP chooses .* 'a0\.h0<q>'"):
        discover(demo.model, demo.task, "exact", preselect=3, receivers="a0.h0<q>")
