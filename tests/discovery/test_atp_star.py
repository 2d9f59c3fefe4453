"""AtP* against patterns that the slow path makes with the edge ablated, and head outputs linear in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference

from circuitviz.discovery import discover, discover_steps
from circuitviz.graph import Scores


def _metric(case: Case, logits: torch.Tensor) -> float:
    return float(logit_difference(logits, case.task.correct, case.task.incorrect).mean())


def _heads_of(case: Case, receiver: str) -> list[str]:
    column = case.model.graph.receiver_index[receiver]
    return [case.model.graph.nodes[row].name for row in case.model.graph.nodes_by_receiver[column]]


@pytest.mark.parametrize("ablation", ["corrupted", "zero"])
def test_query_and_key_edges_are_exact_in_the_pattern_and_linear_after_it(case: Case, ablation: str) -> None:
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    theirs = case.slow_ablation(ablation)
    found = discover(case.model, task, "atp-star", metric="logit-diff", ablation=ablation).values
    eap = discover(case.model, task, "eap", metric="logit-diff", ablation=ablation).values
    clean: dict[str, torch.Tensor] = {}
    case.slow.run(task.clean, at, looked=clean)
    columns = [i for i, name in enumerate(graph.receivers) if name.endswith(("<q>", "<k>"))]
    others = np.setdiff1d(np.arange(len(graph.receivers)), columns)
    assert np.allclose(found[:, others], eap[:, others], atol=1e-5 * np.abs(eap).max())
    places = np.argwhere(graph.mask[:, columns])
    step, size, differs = 1e-4, np.abs(found[:, columns]).max(), 0.0
    for s, c in np.random.default_rng(5).permutation(places)[:20]:
        r = columns[c]
        edge, heads = graph.edge_name(int(s), r), _heads_of(case, graph.receivers[r])
        patched: dict[str, torch.Tensor] = {}
        case.slow.run(task.clean, at, theirs, {edge}, looked=patched)
        pair = []
        for by in (-step, step):
            patterns = {head: clean[head] + by * (patched[head] - clean[head]) for head in heads}
            pair.append(_metric(case, case.slow.run(task.clean, at, patterns=patterns)[0]))
        derivative = (pair[0] - pair[1]) / (2 * step)
        assert found[s, r] == pytest.approx(derivative, rel=1e-2, abs=1e-5 * size), edge
        differs = max(differs, abs(found[s, r] - eap[s, r]))
    assert differs > 1e-3 * size, "the softmax was linear"


def test_grad_drop_leaves_out_one_layer_at_a_time(demo: Case) -> None:
    """Each layer's attention and MLP hold what they write while an edge is pushed; a mean of absolute values."""
    graph, task, at = demo.model.graph, demo.task, demo.task.lengths - 1
    _, ours, _, theirs = demo.slow_outputs()
    found = discover(demo.model, task, "atp-star", metric="logit-diff", grad_drop=True).values
    n_layers, step, size = demo.model.shape.n_layers, 1e-4, np.abs(found).max()
    clean: dict[str, torch.Tensor] = {}
    demo.slow.run(task.clean, at, looked=clean)
    places = np.random.default_rng(6).permutation(np.argwhere(graph.mask))[:10].tolist()
    places += [graph.edge("m1->a3.h2<q>"), graph.edge("m0->logits")]
    for s, r in places:
        edge, receiver, parts = graph.edge_name(int(s), int(r)), graph.receivers[r], []
        change, patched = theirs[graph.senders[s]] - ours[graph.senders[s]], dict[str, torch.Tensor]()
        demo.slow.run(task.clean, at, theirs, {edge}, looked=patched)
        for dropped in range(n_layers):
            held = {
                name: value
                for name, value in ours.items()
                if name.startswith((f"a{dropped}.", f"m{dropped}"))
            }
            pair = []
            for by in (-step, step):
                how = {"pushed": {receiver: by * change}}
                if receiver.endswith(("<q>", "<k>")):
                    head = receiver[:-3]
                    how = {"patterns": {head: clean[head] + by * (patched[head] - clean[head])}}
                pair.append(_metric(demo, demo.slow.run(task.clean, at, held=held, **how)[0]))
            parts.append((pair[0] - pair[1]) / (2 * step))
        n_counted = n_layers if receiver == "logits" else n_layers - 1
        right = np.sign(sum(parts)) * np.abs(parts).sum() / n_counted
        assert found[s, r] == pytest.approx(right, rel=2e-2, abs=2e-5 * size), edge


def test_scores_do_not_depend_on_batches_or_portions(demo: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = discover(demo.model, demo.task, "atp-star")
    monkeypatch.setattr(demo.model, "max_batch_prompts", 2)
    monkeypatch.setattr("circuitviz.discovery.pattern_effects.MAX_COPIES", 5)
    steps, partials = discover_steps(demo.model, demo.task, "atp-star"), []
    try:
        while True:
            step = next(steps)
            if isinstance(step.partial, Scores):
                partials.append(step.partial.values)
    except StopIteration as end:
        size = np.abs(whole.values).max()
        assert np.allclose(end.value.values, whole.values, atol=1e-5 * size)
        assert len(partials) == 3 * demo.model.shape.n_layers
        assert np.array_equal(partials[-1], end.value.values)
