"""Nodes add up to the stream; rows add up to pre-activations; closed form equals autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    difference_target,
    likely_logits,
    logit_target,
    neuron_target,
    node_table,
    node_target,
    run_prompt,
)
from circuitviz.graph import NodeKind


def readers(table: Any) -> list[int]:
    """A few nodes of every kind and site that read something, at several positions."""
    found: dict[Any, list[int]] = {}
    for index in np.flatnonzero(~table.is_leaf):
        node = table.node(int(index))
        found.setdefault((node.kind, node.layer, node.site), []).append(int(index))
    assert all(found.values())
    return [group[i] for group in found.values() for i in {0, len(group) // 2, len(group) - 1}]


def test_nodes_add_up_to_every_stream(features: Any) -> None:
    slow = features.slow()
    with torch.no_grad():
        for layer in range(len(slow.blocks)):
            ours, theirs = slow.stream(4 * layer + 2), slow.streams[layer]
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=features.close)
        last = slow.norm(slow.final, slow.stream(4 * len(slow.blocks) + 2))
    torch.testing.assert_close(last, slow.streams[-1], rtol=1e-9, atol=features.close)


def test_edges_and_biases_sum_to_the_pre_activation(features: Any) -> None:
    table = features.table
    nodes = readers(table)
    weights, constants = FeatureEdgeRows(table).rows(nodes)
    expected = table.activation[nodes]
    torch.testing.assert_close(weights.sum(1) + constants, expected, rtol=1e-6, atol=1e-9)
    assert table.activation[nodes].abs().min() > 0


def test_rows_equal_autograd_over_a_frozen_forward(features: Any) -> None:
    table, slow = features.table, features.slow()
    nodes = readers(table)
    weights, constants = FeatureEdgeRows(table).rows(nodes)
    for node, row, constant in zip(nodes, weights, constants, strict=True):
        right, rest = slow.row(slow.pre_activation(node))
        torch.testing.assert_close(row, right, rtol=1e-5, atol=features.close / 10)
        torch.testing.assert_close(constant, rest, rtol=1e-5, atol=features.close)


def test_rows_of_logits_and_their_difference_equal_autograd(features: Any) -> None:
    table, slow = features.table, features.slow()
    edges = FeatureEdgeRows(table)
    targets = [*likely_logits(table, max_targets=3), logit_target(table, 7)]
    for target in targets:
        row, constant = edges.row_into(target)
        right, rest = slow.row(slow.logit(target.node.token))
        torch.testing.assert_close(row, right, rtol=1e-5, atol=1e-10)
        assert constant == pytest.approx(float(rest), rel=1e-5, abs=1e-9)
        assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-6)
        assert float(table.run.logits[target.node.token]) == pytest.approx(target.value, rel=1e-6)
    difference = difference_target(table, [7, 9], [11])
    right, _ = slow.row((slow.logit(7) + slow.logit(9)) / 2 - slow.logit(11))
    torch.testing.assert_close(edges.row_into(difference)[0], right, rtol=1e-5, atol=1e-10)


def test_likely_logits_hold_their_share_and_no_more(demo_features: Any) -> None:
    table = demo_features.table
    probabilities = table.run.logits.softmax(-1)
    chosen = likely_logits(table, share=0.5, max_targets=50)
    held = [float(probabilities[target.node.token]) for target in chosen]
    assert sum(held) >= 0.5 > sum(held[:-1])
    assert held == sorted(held, reverse=True) == [target.weight for target in chosen]
    assert len(likely_logits(table, share=1.0, max_targets=4)) == 4


def test_a_neuron_is_explained_as_a_feature_is(features: Any) -> None:
    table = features.table
    target = neuron_target(table, 1, 5, 4)
    row, constant = FeatureEdgeRows(table).row_into(target)
    assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-6)
    slow = features.slow()
    x, norm = slow.mlp_in(1)
    block = slow.blocks[1]
    normal = slow.norm(norm, x)
    hidden = block.mlp.c_fc(normal) if slow.gpt2 else block.mlp.dense_h_to_4h(normal)
    act = block.mlp.act if hasattr(block.mlp, "act") else torch.nn.functional.gelu
    share = (act(hidden) / hidden).detach()  # the activation function as a constant ratio
    right, _ = slow.row((share * hidden)[4, 5])
    torch.testing.assert_close(row, right, rtol=1e-5, atol=1e-10)
    assert node_target(table, "m1.n5@4").value == target.value


def test_rows_are_the_same_alone_and_together(features: Any) -> None:
    table = features.table
    nodes = readers(table)
    together, _ = FeatureEdgeRows(table).rows(nodes)
    edges = FeatureEdgeRows(table)
    for node, row in zip(nodes, together, strict=True):
        torch.testing.assert_close(edges.rows([node])[0][0], row, rtol=1e-12, atol=1e-12)


def test_names_and_rows_belong_together(features: Any) -> None:
    table = features.table
    nodes = [table.node(i) for i in range(len(table))]
    names = [node.name for node in nodes]
    leaf = [n for n in names if "." not in n and n.startswith("m")]
    assert len(set(names)) == len(names)
    assert [table.index(name) for name in names] == list(range(len(table)))
    assert all(table.node(table.index(name)).kind is NodeKind.MLP for name in leaf)
    for node, value in zip(nodes, table.activation.tolist(), strict=True):
        if node.kind is NodeKind.FEATURE:
            one = table.dictionaries[f"{node.site}{node.layer}"]
            assert float(
                one.encode(table.run.dictionary_input(one))[node.position, node.feature]
            ) == pytest.approx(value)
            assert node.dictionary == one.name
        else:
            assert value == 1


def test_every_active_feature_is_a_node(features: Any) -> None:
    table = features.table
    for site, one in table.dictionaries.items():
        active = int((one.encode(table.run.dictionary_input(one)) > 0).sum())
        mine = sum(len(table.features_at(site, p)) for p in range(table.run.time))
        assert mine == active > 0


def test_what_has_no_circuit_is_said_in_a_sentence(demo_features: Any) -> None:
    table = demo_features.table
    active = {int(table.item[i]) for i in table.features_at("m1", 3)}
    silent = next(i for i in range(60) if i not in active)
    cases = {
        f"m1.f{silent}@3": "is not active at position 3 .* features of m1 are, first of all m1.f",
        "m1.f3@99": "the prompt has 7 tokens",
        "token@2": "is a leaf: nothing flows into it",
        "m1": "names no node of a prompt",
        "m1.n99999@3": "the MLP of layer 1 has 0 to 511",
        "m9.n3@3": "layers 0 to 3",
        "a1.h2@3": "a1 is opened into the features of 'random a1', which stand for its heads",
        "a1.h99@3": "heads of layer 1 are a1.h0 to a1.h",
        "a9.h0@3": "the model has no a9",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            node_target(table, name)
    bare = node_table(table.run)
    with pytest.raises(InputError, match="no dictionary was given for it"):
        node_target(bare, "m1.f3@3")
    with pytest.raises(InputError, match="vocabulary has 0 to"):
        logit_target(table, 10**6)
    with pytest.raises(InputError, match="reads at most 128"):
        run_prompt(demo_features.model, [3] * 129)
    with pytest.raises(InputError, match="empty prompt"):
        run_prompt(demo_features.model, [])
