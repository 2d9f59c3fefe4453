"""Traces are local circuits summed over positions; similarities are cosines of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from circuitviz.errors import InputError
from circuitviz.features import (
    Edges,
    find_examples,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
    trace_examples,
)
from circuitviz.progress import finish

PROMPTS = [[0, 5, 9, 21, 4, 33, 8], [0, 5, 9, 21, 4, 33, 9], [6, 81, 7, 2, 300], [3, 44, 3, 17, 4, 33, 8, 90]]


@pytest.fixture
def traced(features: Any) -> Any:
    """A feature that fires in every prompt, its examples and traces."""
    site = next(s for s in ("m3", "m2", "m1") if s in features.table.dictionaries)
    one = features.table.dictionaries[site]
    counts = np.zeros(one.features)
    for prompt in PROMPTS:
        run = run_prompt(features.model, prompt)
        counts += (one.encode(run.read(one)) > 0).any(0).numpy()
    feature = int(counts.argmax())
    examples = finish(find_examples(features.model, one, feature, PROMPTS))
    traces = finish(
        trace_examples(features.model, features.dictionaries, site, feature, examples, nodes=60)
    )
    return features, site, feature, examples, traces


def test_examples_are_where_the_feature_is_strongest(traced: Any) -> None:
    features, site, feature, examples, traces = traced
    one = features.table.dictionaries[site]
    assert [e.activation for e in examples] == sorted((e.activation for e in examples), reverse=True)
    assert len(examples) >= 3
    for example in examples:
        run = run_prompt(features.model, example.tokens)
        values = one.encode(run.read(one))[:, feature]
        assert example.activation == pytest.approx(float(values.max()))
        assert example.position == int(values.argmax())
    assert traces.activations.tolist() == [e.activation for e in examples]


def test_a_trace_sums_a_circuit_over_positions(traced: Any) -> None:
    features, site, feature, examples, traces = traced
    table = node_table(run_prompt(features.model, examples[0].tokens), features.dictionaries)
    target = node_target(table, f"{site}.f{feature}@{examples[0].position}")
    circuit = local_circuit(Edges(table), target, nodes=60, gate="absolute")
    sums: dict[tuple[str, int], float] = {}
    for row in circuit.kept:
        node = table.node(int(row))
        item = node.feature if node.feature is not None else node.head
        if item is not None:
            key = (f"{node.site}{node.layer}", item)
            sums[key] = sums.get(key, 0.0) + float(circuit.attribution[row])
    ours = {(s, i): v for s, vector in traces.traces[0].sites.items() for i, v in vector.items()}
    assert ours == pytest.approx(sums)
    assert set(traces.traces[0].nodes) == set(circuit.names)


def test_similarities_are_cosines(traced: Any) -> None:
    traces = traced[-1]
    table = traces.similarity()
    every = sorted({(s, i) for t in traces.traces for s, v in t.sites.items() for i in v})
    rows = np.array([[t.sites.get(s, {}).get(i, 0.0) for s, i in every] for t in traces.traces])
    for a in range(len(rows)):
        for b in range(len(rows)):
            right = rows[a] @ rows[b] / np.sqrt((rows[a] @ rows[a]) * (rows[b] @ rows[b]))
            assert table[a, b] == pytest.approx(right)
    np.testing.assert_allclose(np.diagonal(table), 1)
    others = [(table[i].sum() - 1) / (len(table) - 1) for i in range(len(table))]
    np.testing.assert_allclose(traces.mean_similarity, others)
    if np.ptp(traces.activations) > 1e-9 and len(others) > 2:
        assert traces.correlation == pytest.approx(np.corrcoef(traces.activations, others)[0, 1])
    else:
        assert traces.correlation is None
    for site in traces.sites:
        one = traces.similarity(site)
        assert one.shape == table.shape and (np.abs(one) <= 1 + 1e-9).all()
    np.testing.assert_allclose(traces.similarity(other=traces), table)


def test_recurring_features_are_counted(traced: Any) -> None:
    traces = traced[-1]
    for one in traces.recurring(8):
        held = [t.sites.get(one.site, {}).get(one.index) for t in traces.traces]
        assert one.examples == sum(v is not None for v in held)
        assert one.mean == pytest.approx(sum(v or 0.0 for v in held) / len(held))
    counts = [one.examples for one in traces.recurring(50)]
    assert counts == sorted(counts, reverse=True)


def test_stopping_early_keeps_what_is_there(demo_features: Any) -> None:
    site, one = "m2", demo_features.table.dictionaries["m2"]
    feature = int(demo_features.table.item[demo_features.table.features_at(site, 6)[0]])
    examples = finish(find_examples(demo_features.model, one, feature, PROMPTS[:2]))
    steps = trace_examples(demo_features.model, demo_features.dictionaries, site, feature, examples)
    next(steps)
    step = next(steps)
    assert step.partial.partial and len(step.partial.traces) == 1


def test_a_feature_that_never_fires_is_said(demo_features: Any) -> None:
    one = demo_features.table.dictionaries["m0"]
    silent = type(one)(**{**vars(one), "bias": one.bias - 1e6})
    with pytest.raises(InputError, match="Feature 3 of m0 never fires in the 4 prompts"):
        finish(find_examples(demo_features.model, silent, 3, PROMPTS))
    with pytest.raises(InputError, match="has 0 to 59"):
        finish(find_examples(demo_features.model, one, 60, PROMPTS))
    with pytest.raises(InputError, match="no examples to trace"):
        finish(trace_examples(demo_features.model, demo_features.dictionaries, "m0", 3, []))
