"""Heads' shares add up to edges, pairs of nodes to the model's own attention scores."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    WeightProcessing,
    attention_score_parts,
    logit_target,
    node_target,
    rows_through_heads,
)


def test_shares_of_all_heads_add_up_to_an_attention_features_row(features: Any) -> None:
    table, edges = features.table, FeatureEdgeRows(features.table)
    for site in [s for s in table.dictionaries if s[0] == "a"]:
        target = node_target(table, table.node(int(table.features_at(site, 6)[0])).name)
        layer = int(site[1:])
        row, constant = edges.row_into(target)
        rows, constants = rows_through_heads(edges, target, layer, range(features.model.shape.n_heads))
        torch.testing.assert_close(rows.sum(0), row, rtol=1e-7, atol=1e-10)
        one = table.dictionaries[site]
        if one.site.reads == "z" and one.processing == WeightProcessing():
            always = float(constants.sum()) + float(one.bias[table.item[target.index]])
            assert always == pytest.approx(constant, rel=1e-7)


def test_what_heads_carry_to_the_logits_is_what_they_write(features: Any) -> None:
    """Through a head, nodes and biases add up to the head's own direct effect."""
    table, edges = features.table, FeatureEdgeRows(features.table)
    target = logit_target(table, 5)
    slow = features.slow()
    for layer, head in ((0, 1), (1, 3)):
        (row,), (constant,) = rows_through_heads(edges, target, layer, [head])
        with torch.no_grad():
            written = slow.head_output(layer, head)[-1]
            scale = (slow.streams_before_final().var(-1, unbiased=False) + slow.final.eps).sqrt()
            normal = (written - written.mean()) / scale * slow.final.weight
            right = normal @ slow.hf.get_output_embeddings().weight[5]
        tolerance = 100 * features.close
        assert float(row.sum() + constant) == pytest.approx(float(right), rel=1e-6, abs=tolerance)


def test_pairs_of_nodes_add_up_to_the_score(features: Any) -> None:
    table = features.table
    for layer, head, query, key in ((0, 0, 6, 2), (1, 2, 5, 5), (2, 3, 4, 0)):
        parts = attention_score_parts(table, layer, head, query, key)
        pattern = table.run.pattern[layer][head, query]
        other = attention_score_parts(table, layer, head, query, 1)
        odds = float(pattern[key] / pattern[1])  # a softmax: the model's own pattern says the same
        difference = parts.pairs.sum() - other.pairs.sum()
        assert float(difference.exp()) == pytest.approx(odds, rel=1e-4)
        assert float(parts.pairs.sum()) == pytest.approx(parts.score, rel=1e-5, abs=1e-6)
        torch.testing.assert_close(parts.by_query.sum(), parts.by_key.sum())
        assert (table.position[parts.queries] == query).all() and (table.position[parts.keys] == key).all()


def test_a_pair_is_its_definition(demo_features: Any) -> None:
    table, run = demo_features.table, demo_features.table.run
    parts = attention_score_parts(table, 2, 4, 6, 3)
    block = demo_features.hf.transformer.h[2]
    q, k, _ = block.attn.c_attn.weight.chunk(3, -1)
    rows = slice(4 * 16, 5 * 16)

    def side(index: int, weight: torch.Tensor) -> torch.Tensor:
        own = table.written[index]
        stream = run.attention_stream[2][int(table.position[index])]
        scale = (stream.var(unbiased=False) + block.ln_1.eps).sqrt()
        return ((own - own.mean()) / scale * block.ln_1.weight) @ weight[:, rows]

    for i, j in ((0, 0), (7, 11), (25, 3)):
        with torch.no_grad():
            right = side(int(parts.queries[i]), q) @ side(int(parts.keys[j]), k) / 4
        assert float(parts.pairs[i, j]) == pytest.approx(float(right), rel=1e-8)


def test_heads_and_positions_that_do_not_exist_are_refused(demo_features: Any) -> None:
    table = demo_features.table
    with pytest.raises(InputError, match="comes after the query's"):
        attention_score_parts(table, 0, 0, 2, 4)
    with pytest.raises(InputError, match=r"a9\.h0 was given"):
        attention_score_parts(table, 9, 0, 2, 1)
    early = node_target(table, table.node(int(table.features_at("m0", 6)[0])).name)
    with pytest.raises(InputError, match="reads nothing of what a2.h0 writes"):
        rows_through_heads(FeatureEdgeRows(table), early, 2, [0])
