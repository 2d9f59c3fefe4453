"""Transparent attention: edges equal a walk through the frozen attention, also by circuit-tracer's conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from slow_features import SlowEdges, random_dictionaries

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    attribution_graph,
    edge_channels,
    likely_logits,
    local_circuit,
    logit_target,
    node_table,
    node_target,
    predicted_change,
    resolve_interventions,
    total_effects_by_stage,
)
from circuitviz.graph import Intervention, NodeKind
from circuitviz.progress import run_to_completion

TRANSCODERS = {"m0": "transcoder", "m1": "jumprelu_skip_transcoder", "m2": "skip_transcoder"}


class WalkThroughAttention(SlowEdges):
    """The frozen forward pass in which heads without a dictionary pass on what reaches their values."""

    def stream(self, stage: int) -> torch.Tensor:
        x = super().stream(stage)
        for layer in range(len(self.blocks)):
            if 4 * layer + 2 < stage and f"a{layer}" not in self.table.dictionaries:
                x = x + self.heads_without_biases(layer)
            dictionary = self.table.dictionaries.get(f"m{layer}")
            if 4 * layer + 4 < stage and dictionary is not None and dictionary.skip is not None:
                x = x + (self.reads(dictionary) - self.reads_of_nothing(dictionary)) @ dictionary.skip.T
        return x

    def reads_of_nothing(self, dictionary: Any) -> Any:
        """What a dictionary reads of a stream of zeros: the normalisation's bias."""
        is_raw = dictionary.site.reads == "normalised" and not dictionary.processing.fold_ln
        return self.mlp_in(dictionary.site.layer)[1].bias.detach() if is_raw else 0.0

    def heads_without_biases(self, layer: int) -> torch.Tensor:
        x = self.stream(4 * layer + 2)
        value = self.values(layer, x) - self.values(layer, torch.zeros_like(x)).detach()
        z = torch.einsum("hts,she->the", self.patterns[layer], value).flatten(1)
        attention = self.blocks[layer].attn if self.gpt2 else self.blocks[layer].attention
        return z @ attention.c_proj.weight if self.gpt2 else z @ attention.dense.weight.T


def transparent(features: Any) -> Any:
    return node_table(features.table.run, features.dictionaries, attention="transparent")


def test_rows_equal_a_walk_through_the_frozen_attention(features: Any) -> None:
    table = transparent(features)
    kinds = {table.node(i).kind for i in range(len(table))}
    assert (NodeKind.HEAD in kinds) is False and NodeKind.BIAS in kinds
    slow = WalkThroughAttention(features.hf, table)
    for layer in range(len(slow.blocks)):  # all nodes and channels add up to every stream
        ours = slow.stream(4 * layer + 2).detach()
        torch.testing.assert_close(ours, slow.streams[layer], rtol=1e-9, atol=features.close)
    edges, readers = FeatureEdgeRows(table), np.flatnonzero(~table.is_leaf)
    chosen = readers[:: max(1, len(readers) // 25)]
    weights, constants = edges.rows(chosen)
    for node, row, constant in zip(chosen, weights, constants, strict=True):
        right, rest = slow.row(slow.pre_activation(int(node)))
        torch.testing.assert_close(row, right, rtol=1e-5, atol=features.close)
        torch.testing.assert_close(constant, rest, rtol=1e-5, atol=10 * features.close)
        assert float(row.sum() + constant) == pytest.approx(float(table.activation[node]), rel=1e-6)
    target = logit_target(table, 7)
    row, constant = edges.row_into(target)
    right, _ = slow.row(slow.logit(7))
    torch.testing.assert_close(row, right, rtol=1e-5, atol=features.close)
    assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-6)
    assert local_circuit(edges, target, nodes=50).ledger.total == pytest.approx(target.value, rel=1e-6)


def test_edges_and_what_is_left_out_agree_with_predictions(features: Any) -> None:
    """The whole effect of a node is its edge to the target and those through the nodes between."""
    table = transparent(features)
    target = logit_target(table, 7)
    edges = FeatureEdgeRows(table)
    effects, _ = total_effects_by_stage(table, target)
    first = next(i for i in range(len(table)) if table.node(i).name == "token@3")
    readers = np.flatnonzero(~table.is_leaf)
    rows, _ = edges.rows(readers)
    through = (effects[readers] / table.activation[readers] * rows[:, first]).sum()
    whole = float(edges.row_into(target)[0][first] + through)
    assert whole == pytest.approx(float(effects[first]), rel=1e-6)
    changes = resolve_interventions(table, {"token@3": Intervention("zero")})
    assert predicted_change(table, target, changes) == pytest.approx(-whole, rel=1e-6)


def test_heads_and_the_direct_part_sum_to_an_edge(features: Any) -> None:
    """The direct part is the whole edge where heads are nodes; skip connections are further ways there."""
    dictionaries = [one for one in features.dictionaries if one.skip is None]
    run, target_token = features.table.run, 7
    table = node_table(run, dictionaries, attention="transparent")
    with_heads = node_table(run, dictionaries)
    for source in ("token@3", "token@6"):
        channels = edge_channels(FeatureEdgeRows(table), logit_target(table, target_token), source)
        row, _ = FeatureEdgeRows(table).row_into(logit_target(table, target_token))
        direct, _ = FeatureEdgeRows(with_heads).row_into(logit_target(with_heads, target_token))
        carried = [one.from_source for one in channels.heads if table.is_transparent(one.layer)]
        assert channels.edge == pytest.approx(float(row[table.index(source)]), rel=1e-9)
        expected = float(direct[with_heads.index(source)])
        assert channels.direct == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert channels.direct + sum(carried) == pytest.approx(channels.edge, rel=1e-6)


def test_heads_are_no_nodes_of_transparent_attention(features: Any) -> None:
    table = transparent(features)
    bare = (
        next(i for i in range(3) if f"a{i}" not in table.dictionaries)
        if len(table.dictionaries) < 8
        else None
    )
    if bare is not None:
        with pytest.raises(InputError, match="--attention heads"):
            node_target(table, f"a{bare}.h0@3")
    with pytest.raises(InputError, match="no attention 'glass'"):
        node_table(table.run, attention="glass")


def tracer_scores(adjacency: torch.Tensor, mass: torch.Tensor, kinds: list[str]) -> tuple[float, float]:
    """Replacement and completeness score by circuit-tracer's formulas, with a power series of influence."""
    shares = adjacency.abs() / adjacency.abs().sum(1, keepdim=True).clamp_min(1e-10)
    influence, current = torch.zeros_like(mass), mass
    for _ in range(len(mass)):
        current = current @ shares
        influence = influence + current
    is_error = torch.tensor([kind == "error" for kind in kinds])
    is_token = torch.tensor([kind == "token" for kind in kinds])
    tokens, errors = influence[is_token].sum(), influence[is_error].sum()
    explained = 1 - shares[:, is_error].sum(1)
    output = influence + mass
    return float(tokens / (tokens + errors)), float((explained * output).sum() / output.sum())


@pytest.mark.parametrize("features", ["gpt2"], indirect=True)
def test_circuit_tracers_conventions(features: Any) -> None:
    dictionaries = random_dictionaries(features.model, TRANSCODERS, features=30)
    run = features.table.run
    table = node_table(run, dictionaries, attention="transparent", convention="circuit-tracer")
    nodes = [table.node(i) for i in range(len(table))]
    assert {node.kind for node in nodes} == {NodeKind.TOKEN, NodeKind.FEATURE, NodeKind.ERROR}
    assert {node.kind for node in nodes if node.position == 0} == {NodeKind.TOKEN}
    everything = node_table(run, dictionaries, attention="transparent")
    active = [everything.node(i) for i in range(len(everything))]
    kept = [n.name for n in active if n.kind is NodeKind.FEATURE and n.position]
    assert {n.name for n in nodes if n.kind is NodeKind.FEATURE} == set(kept)

    slow = WalkThroughAttention(features.hf, table)
    slow.offset = {}
    with torch.no_grad():  # what no node writes is added as a constant, so that every stream is the model's
        for stage in sorted({4 * i + k for i in range(3) for k in (2, 3)} | {14}):
            layer = stage // 4
            own = run.attention_stream[layer] if stage % 4 == 2 and layer < 3 else None
            own = run.mlp_stream[layer] if stage % 4 == 3 else run.final if own is None else own
            slow.offset[stage] = own
    stream = slow.stream

    def completed(stage: int) -> torch.Tensor:
        x = stream(stage)
        return x + (slow.offset[stage] - x).detach()

    slow.stream = completed
    targets = likely_logits(table, max_targets=4)
    number = len(nodes) + len(targets)
    adjacency = torch.zeros(number, number, dtype=torch.float64)
    for index in np.flatnonzero(~table.is_leaf):
        adjacency[index, : len(nodes)] = slow.row(slow.pre_activation(int(index)))[0]
    head = slow.hf.get_output_embeddings().weight
    for n, target in enumerate(targets):
        last = slow.norm(slow.final, slow.stream(14))[-1]
        demeaned = last @ (head[target.node.token] - head.mean(0))
        adjacency[len(nodes) + n, : len(nodes)] = slow.row(demeaned)[0]
        assert target.value == pytest.approx(float(demeaned.detach()), rel=1e-6)
        torch.testing.assert_close(
            FeatureEdgeRows(table).row_into(target)[0],
            adjacency[len(nodes) + n, : len(nodes)],
            rtol=1e-5,
            atol=1e-9,
        )
    readers = np.flatnonzero(~table.is_leaf)
    torch.testing.assert_close(
        FeatureEdgeRows(table).rows(readers)[0], adjacency[readers, : len(nodes)], rtol=1e-5, atol=1e-9
    )

    mass = torch.zeros(number, dtype=torch.float64)
    mass[len(nodes) :] = torch.tensor([target.weight for target in targets])
    kinds = [str(node.kind) for node in nodes] + ["logits"] * len(targets)
    graph = run_to_completion(attribution_graph(FeatureEdgeRows(table), targets))
    right = tracer_scores(adjacency, mass, kinds)
    assert (graph.replacement_score, graph.completeness_score) == pytest.approx(right, rel=1e-6)
