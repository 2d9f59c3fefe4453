"""Traces are local circuits summed over positions; similarities are cosines of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    find_examples_steps,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
    trace_examples_steps,
)
from circuitviz.features.dictionary_inputs import batch_dictionary_inputs
from circuitviz.features.passages import Passages
from circuitviz.graph.traces import Trace, TraceExample, TraceSet
from circuitviz.progress import run_to_completion

PROMPTS = [[0, 5, 9, 21, 4, 33, 8], [0, 5, 9, 21, 4, 33, 9], [6, 81, 7, 2, 300], [3, 44, 3, 17, 4, 33, 8, 90]]


@pytest.fixture
def traced(features: Any) -> Any:
    """A feature that fires in every prompt, its examples and traces."""
    site = next(s for s in ("m3", "m2", "m1") if s in features.table.dictionaries)
    one = features.table.dictionaries[site]
    counts = np.zeros(one.features)
    for prompt in PROMPTS:
        run = run_prompt(features.model, prompt)
        counts += (one.encode(run.dictionary_input(one))[1:] > 0).any(0).numpy()
    feature = int(counts.argmax())
    examples = run_to_completion(find_examples_steps(features.model, one, feature, PROMPTS))
    traces = run_to_completion(
        trace_examples_steps(features.model, features.dictionaries, site, feature, examples, nodes=60)
    )
    return features, site, feature, examples, traces


def test_batches_read_what_runs_read(features: Any) -> None:
    """Every way of reading that a dictionary may have, padded rows and all."""
    prompts = Passages(tuple(map(tuple, PROMPTS)), False)
    for batch in prompts.batches():
        together = batch_dictionary_inputs(features.model, features.dictionaries, batch.tokens)
        for one, values in zip(features.dictionaries, together, strict=True):
            for row, number in zip(values, batch.row_numbers, strict=True):
                alone = run_prompt(features.model, PROMPTS[number]).dictionary_input(one)
                assert row[: len(alone)] == pytest.approx(alone, abs=features.close, rel=1e-6)


def test_examples_are_where_the_feature_is_strongest(traced: Any) -> None:
    features, site, feature, examples, traces = traced
    one = features.table.dictionaries[site]
    assert [e.activation for e in examples] == sorted((e.activation for e in examples), reverse=True)
    assert len(examples) >= 3
    for example in examples:
        run = run_prompt(features.model, example.tokens)
        values = one.encode(run.dictionary_input(one))[1:, feature]
        assert example.activation == pytest.approx(float(values.max()))
        assert example.position == int(values.argmax()) + 1
    assert traces.activations.tolist() == [e.activation for e in examples]


def test_a_trace_sums_a_circuit_over_positions(traced: Any) -> None:
    features, site, feature, examples, traces = traced
    run = run_prompt(features.model, examples[0].tokens)
    table = node_table(run, features.dictionaries, attention="transparent")
    target = node_target(table, f"{site}.f{feature}@{examples[0].position}")
    circuit = local_circuit(FeatureEdgeRows(table), target, nodes=60, gate="absolute")
    sums: dict[tuple[str, int], float] = {}
    for row in circuit.nodes:
        node = table.node(int(row))
        item = node.feature if node.feature is not None else node.head
        if item is not None:
            key = (f"{node.site}{node.layer}", item)
            sums[key] = sums.get(key, 0.0) + float(circuit.attribution[row])
    ours = {(s, i): v for s, vector in traces.traces[0].sites.items() for i, v in vector.items()}
    assert ours == pytest.approx(sums)
    assert traces.traces[0].strings == tuple(features.model.tokens.token_strings(examples[0].tokens))


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
    for one in traces.recurring_components(8):
        site, _, item = one.name.partition(".")
        assert (item[0] == "h") == (site in traces.heads) == (site not in traced[0].table.dictionaries)
        held = [t.sites.get(site, {}).get(int(item[1:])) for t in traces.traces]
        assert one.examples == sum(v is not None for v in held)
        assert one.mean == pytest.approx(sum(v or 0.0 for v in held) / len(held))
    counts = [one.examples for one in traces.recurring_components(50)]
    assert counts == sorted(counts, reverse=True)


def test_sites_are_compared_over_pairs_that_have_something_there(traced: Any) -> None:
    traces = traced[-1]
    told = {one.site: one for one in traces.similarity_by_site()}
    for site in traces.sites:
        cosines = []
        for a in range(len(traces.traces)):
            for b in range(a):
                left, right = (traces.traces[i].sites.get(site, {}) for i in (a, b))
                if left and right:
                    dot = sum(value * right.get(item, 0.0) for item, value in left.items())
                    sizes = [sum(v * v for v in side.values()) ** 0.5 for side in (left, right)]
                    cosines.append(dot / (sizes[0] * sizes[1]))
        if not cosines:
            assert site not in told
            continue
        assert told[site].pairs == len(cosines)
        assert told[site].mean == pytest.approx(sum(cosines) / len(cosines))
        assert told[site].low == pytest.approx(np.percentile(cosines, 25))
        assert told[site].high == pytest.approx(np.percentile(cosines, 75))


def test_edges_pass_through_heads_unless_they_are_asked_for(gpt2_features: Any) -> None:
    """GPT-2's first layer has no dictionary of attention: its heads are nodes on request alone."""
    case, examples = gpt2_features, [TraceExample(tuple(PROMPTS[0]), 5, 1.0)]
    feature = int(case.table.item[case.table.features_at("m2", 5)[0]])
    by_mode = {}
    for mode in ("transparent", "heads"):
        steps = trace_examples_steps(
            case.model, case.dictionaries, "m2", feature, examples, nodes=60, attention=mode
        )
        by_mode[mode] = run_to_completion(steps)
    default = run_to_completion(
        trace_examples_steps(case.model, case.dictionaries, "m2", feature, examples, nodes=60)
    )
    assert by_mode["heads"].heads == {"a0", "a2"} and "a0" in by_mode["heads"].traces[0].sites
    assert default.as_dict() == by_mode["transparent"].as_dict()
    assert not default.heads and not {"a0", "a2"} & default.traces[0].sites.keys()
    prompt = run_prompt(case.model, PROMPTS[0][:6])
    table = node_table(prompt, case.dictionaries, attention="transparent")
    circuit = local_circuit(
        FeatureEdgeRows(table), node_target(table, f"m2.f{feature}@5"), nodes=60, gate="absolute"
    )
    sums: dict[str, float] = {}
    for row, name in zip(circuit.nodes, circuit.names, strict=True):
        if ".f" in name:
            key = name.partition("@")[0]
            sums[key] = sums.get(key, 0.0) + float(circuit.attribution[row])
    found = {f"{site}.f{i}": v for site, one in default.traces[0].sites.items() for i, v in one.items()}
    assert found == pytest.approx(sums)


def test_two_targets_are_compared_by_hand(traced: Any) -> None:
    features, site, feature, _examples, traces = traced
    one = features.table.dictionaries[site]
    run = run_prompt(features.model, PROMPTS[0])
    alive = [int(i) for i in one.encode(run.dictionary_input(one))[3:].amax(0).topk(3).indices]
    second = next(i for i in alive if i != feature)
    others = run_to_completion(
        trace_examples_steps(
            features.model,
            features.dictionaries,
            site,
            second,
            run_to_completion(find_examples_steps(features.model, one, second, PROMPTS)),
            nodes=60,
        )
    )
    table = traces.similarity(other=others)
    assert table.shape == (len(traces.traces), len(others.traces))
    flat = [
        {(s, i): v for s, vector in trace.sites.items() for i, v in vector.items()}
        for trace in (*traces.traces, *others.traces)
    ]
    for a, left in enumerate(flat[: len(traces.traces)]):
        for b, right in enumerate(flat[len(traces.traces) :]):
            dot = sum(value * right.get(key, 0.0) for key, value in left.items())
            sizes = [sum(v * v for v in side.values()) ** 0.5 for side in (left, right)]
            assert table[a, b] == pytest.approx(dot / (sizes[0] * sizes[1]))


def test_plain_data_gives_the_same_traces_and_damage_is_said(traced: Any) -> None:
    traces = traced[-1]
    plain = json.loads(json.dumps(traces.as_dict()))
    assert TraceSet.from_dict(plain) == traces
    for change in ({"examples": [{}]}, {"examples": 3}, {"heads": 1}):
        with pytest.raises(InputError, match="collect them anew"):
            TraceSet.from_dict({**plain, **change})
    odd = json.loads(json.dumps(plain))
    odd["examples"][0]["position"] = 10_000
    with pytest.raises(InputError, match="position 10000"):
        TraceSet.from_dict(odd)


def test_examples_are_spread_and_counted_once(demo_features: Any) -> None:
    """The independent count: every prompt run alone, duplicates taken out by hand."""
    model, one = demo_features.model, demo_features.table.dictionaries["m2"]
    draw = np.random.default_rng(0)
    prompts = [draw.integers(1, 400, size=draw.integers(4, 12)).tolist() for _ in range(24)]
    run = run_prompt(model, prompts[0])
    feature = int(one.encode(run.dictionary_input(one))[1:].sum(0).argmax())
    firing: dict[tuple[int, ...], float] = {}
    for prompt in [*prompts, prompts[0]]:
        run = run_prompt(model, prompt)
        values = one.encode(run.dictionary_input(one))[1:, feature]
        if float(values.max()) > 0:
            firing[tuple(prompt[: int(values.argmax()) + 2])] = float(values.max())
    assert len(firing) > 8
    strengths = sorted(firing.values(), reverse=True)
    every = run_to_completion(
        find_examples_steps(model, one, feature, [*prompts, prompts[0]], max_examples=100)
    )
    assert [e.activation for e in every] == pytest.approx(strengths)
    spread = run_to_completion(
        find_examples_steps(model, one, feature, prompts, max_examples=5, selection="spread")
    )
    places = [round(i * (len(strengths) - 1) / 4) for i in range(5)]
    assert [e.activation for e in spread] == pytest.approx([strengths[i] for i in places])
    with pytest.raises(InputError, match="spread or strongest"):
        run_to_completion(find_examples_steps(model, one, feature, prompts, selection="weakest"))


def test_those_explained_alike_stand_together() -> None:
    """Two kinds of examples, shuffled: the order parts them, and begins with the first example's kind."""
    draw = np.random.default_rng(3)
    kinds = draw.permutation([0] * 6 + [1] * 5).tolist()
    made = []
    for number, kind in enumerate(kinds):
        vector = {i: 1.0 + 0.2 * float(draw.random()) for i in (range(4) if kind else range(3, 8))}
        made.append(Trace(TraceExample((1, 2), 1, 9.0 - number), ("a", "b"), {"m0": vector}))
    order = TraceSet("m1.f0", tuple(made)).similarity_order()
    assert sorted(order) == list(range(11))
    seen = [kinds[i] for i in order]
    assert seen == sorted(seen, reverse=seen[0] == 1) and seen[0] == kinds[0]
    assert (
        TraceSet("m1.f0", tuple(made[:2])).similarity_order() == [0, 1]
        and TraceSet("m1.f0", ()).similarity_order() == []
    )


def test_stopping_early_keeps_what_is_there(demo_features: Any) -> None:
    site, one = "m2", demo_features.table.dictionaries["m2"]
    feature = int(demo_features.table.item[demo_features.table.features_at(site, 6)[0]])
    examples = run_to_completion(find_examples_steps(demo_features.model, one, feature, PROMPTS[:2]))
    steps = trace_examples_steps(demo_features.model, demo_features.dictionaries, site, feature, examples)
    assert next(steps).partial is None
    step = next(steps)
    assert step.partial.partial and len(step.partial.traces) == 1


def test_a_feature_that_never_fires_is_said(demo_features: Any) -> None:
    one = demo_features.table.dictionaries["m0"]
    silent = type(one)(**{**vars(one), "bias": one.bias - 1e6})
    with pytest.raises(InputError, match="Feature 3 of m0 never fires in the 4 prompts"):
        run_to_completion(find_examples_steps(demo_features.model, silent, 3, PROMPTS))
    with pytest.raises(InputError, match="has 0 to 59"):
        run_to_completion(find_examples_steps(demo_features.model, one, 60, PROMPTS))
    with pytest.raises(InputError, match="no examples to trace"):
        run_to_completion(trace_examples_steps(demo_features.model, demo_features.dictionaries, "m0", 3, []))
