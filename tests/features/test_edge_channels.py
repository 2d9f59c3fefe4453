"""What heads carry is checked against explicit matrices, scores against queries and keys multiplied out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import FeatureEdgeRows, logit_target, node_target
from circuitviz.features.channel_shares import OTHERS_NAME, break_down_attention_score, edge_channels


def test_an_edge_is_the_sum_over_its_heads_by_explicit_matrices(demo_features: Any) -> None:
    """pattern · (LN scale · W_V W_O …): every head's share of an edge, written out with plain weights."""
    table, run = demo_features.table, demo_features.table.run
    edges, heads = FeatureEdgeRows(table), demo_features.model.shape.n_heads
    name = table.node(int(table.features_at("a1", 6)[0])).name  # an SAE on z
    target = node_target(table, name)
    row, _ = edges.row_into(target)
    one, block = table.dictionaries["a1"], demo_features.hf.transformer.h[1]
    encoder = one.encoder[:, table.item[target.index]]
    if one.gain is not None:
        encoder = encoder * one.gain[table.item[target.index]]
    inner = len(encoder) // heads
    v = block.attn.c_attn.weight.chunk(3, -1)[2]
    for source in [int(i) for i in row.abs().topk(5).indices]:
        found = edge_channels(edges, target, table.node(source).name)
        at = int(table.position[source])
        stream = run.attention_stream[1][at]
        scale = (stream.var(unbiased=False) + block.ln_1.eps).sqrt()
        own = table.written[source]
        normal = (own - own.mean()) / scale * block.ln_1.weight
        with torch.no_grad():
            for head in range(heads):
                rows = slice(head * inner, (head + 1) * inner)
                right = run.pattern[1][head, 6, at] * (normal @ v[:, rows] @ encoder[rows])
                ours = next(h for h in found.heads if h.layer == 1 and h.head_index == head)
                assert ours.is_own_layer and ours.from_source == pytest.approx(
                    float(right), rel=1e-6, abs=1e-9
                )
        assert found.is_through_heads and found.edge == pytest.approx(float(row[source]))
        assert sum(h.from_source for h in found.heads if h.is_own_layer) == pytest.approx(
            found.edge, rel=1e-6
        )
        assert found.strongest.is_own_layer


def test_what_reaches_later_targets_is_the_heads_own_output(features: Any) -> None:
    table, edges = features.table, FeatureEdgeRows(features.table)
    target = logit_target(table, 5)
    found = edge_channels(edges, target)
    assert len(found.heads) == features.model.shape.n_layers * features.model.shape.n_heads
    assert found.edge is None and not found.is_through_heads
    slow = features.slow()
    for one in found.heads[:: features.model.shape.n_heads + 1]:
        with torch.no_grad():
            written = slow.head_output(one.layer, one.head_index)[-1]
            scale = (slow.streams_before_final().var(-1, unbiased=False) + slow.final.eps).sqrt()
            normal = (written - written.mean()) / scale * slow.final.weight
            right = float(normal @ slow.hf.get_output_embeddings().weight[5])
        assert one.total == pytest.approx(right, rel=1e-6, abs=100 * features.close)
        assert sum(share.value for share in one.sources) == pytest.approx(one.total, abs=1e-9)
        sizes = [abs(share.value) for share in one.sources[:-2]]
        assert sizes == sorted(sizes, reverse=True) and one.sources[-2].name == OTHERS_NAME
    assert found.strongest.total == max((h.total for h in found.heads), key=abs)


def test_scores_are_sums_of_pairs_and_of_both_sides(features: Any) -> None:
    table = features.table
    for layer, head, query, key in ((0, 0, 6, 2), (2, 3, 4, None)):
        seen = break_down_attention_score(table, layer, head, query, key, max_nodes=6)
        pattern = table.run.pattern[layer][head, query]
        if key is None:
            assert seen.key == int(pattern.argmax())
        assert seen.pattern == pytest.approx(float(pattern[seen.key]))
        for side in (seen.by_query, seen.by_key):
            assert sum(share.value for share in side) == pytest.approx(seen.score, rel=1e-4, abs=1e-5)
        sizes = [abs(value) for _, _, value in seen.pairs]
        assert 3 < len(sizes) <= 6 and sizes == sorted(sizes, reverse=True)
        for row, column, value in seen.pairs:
            shown = seen.values[seen.rows.index(row)][seen.columns.index(column)]
            assert shown == pytest.approx(value)


def test_what_cannot_be_read_is_said(demo_features: Any) -> None:
    table = demo_features.table
    early = node_target(table, table.node(int(table.features_at("m0", 6)[0])).name)
    assert {one.layer for one in edge_channels(FeatureEdgeRows(table), early).heads} == {0}
    with pytest.raises(InputError, match="is not active"):
        edge_channels(FeatureEdgeRows(table), early, "m2.f9999@1")
    with pytest.raises(InputError, match=r"a9\.h0 was given"):
        break_down_attention_score(table, 9, 0, 2)
    with pytest.raises(InputError, match="Position 99"):
        break_down_attention_score(table, 0, 0, 99)
