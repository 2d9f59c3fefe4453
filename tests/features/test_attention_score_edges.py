"""Edges through attention scores: sides, single edges, pairs and the ledger, against the plain GPT-2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from slow_neurons import SlowNeurons
from torch import Tensor, nn

from circuitviz.features import (
    FeatureEdgeRows,
    add_attention_contributors,
    effects_through_scores,
    local_circuit,
    local_circuit_scores,
    logit_target,
    node_table,
    run_prompt,
    table_with_neurons,
    total_effects_by_stage,
)
from circuitviz.features.neurons import neurons_of_run
from circuitviz.features.node_rows import NODE_KINDS
from circuitviz.graph import NodeKind

IDS, TOKEN, HEADS = [0, 5, 9, 21, 4, 33, 8], 17, 4


class Opened:
    """A random GPT-2 without dictionaries: its table of heads and neurons, and a circuit of a logit."""

    def __init__(self, case: Any, attention: str) -> None:
        self.model, self.hf = case.model, case.hf
        bare = node_table(run_prompt(case.model, IDS), attention=attention)
        self.table = table_with_neurons(bare, [logit_target(bare, TOKEN)], 40)
        self.target = logit_target(self.table, TOKEN)
        self.edges = FeatureEdgeRows(self.table)
        circuit = local_circuit(self.edges, self.target, nodes=60, gate="absolute")
        self.circuit = add_attention_contributors(circuit, 8)
        self.scores = local_circuit_scores(self.edges, self.circuit)


@pytest.fixture(scope="module")
def opened(gpt2_features: Any) -> Opened:
    return Opened(gpt2_features, "heads")


@pytest.fixture(scope="module")
def transparent(gpt2_features: Any) -> Opened:
    return Opened(gpt2_features, "transparent")


def queries_and_keys(slow: SlowNeurons) -> list[list[Tensor]]:
    """Queries, keys and values of a run by layer, each [head, time, d_head]; filled when the model runs."""
    found: list[list[Tensor]] = [[] for _ in slow.blocks]

    def keep(layer: int, out: Tensor) -> None:
        found[layer] = [part.view(len(IDS), HEADS, -1).transpose(0, 1) for part in out[0].chunk(3, -1)]

    for layer, block in enumerate(slow.blocks):
        block.attn.c_attn.register_forward_hook(lambda _m, _a, out, i=layer: keep(i, out))
    return found


def token_effects_by_side(hf: Any, side: int) -> Tensor:
    """What tokens count through one side of the first score on each path, by autograd.

    A first run has patterns held; its queries (or keys) are added, at no value, to the scores of a second one
    in which patterns respond.
    """
    first = SlowNeurons(hf, IDS, direct=False)
    parts = queries_and_keys(first)
    first.run()
    second, softmax, layers = SlowNeurons(hf, IDS, False, are_patterns_held=False), nn.functional.softmax, []

    def with_side(scores: Tensor, *args: Any, **options: Any) -> Tensor:
        query, key, _ = parts[len(layers)]
        layers.append(1)
        moved = (
            (query - query.detach()) @ key.detach().mT
            if side == 0
            else query.detach() @ (key - key.detach()).mT
        )
        return softmax(scores + moved[None] / query.shape[-1] ** 0.5, *args, **options)

    with patch.object(nn.functional, "softmax", with_side):
        logit = second.run()[TOKEN]
    return torch.autograd.grad(logit, first.factors["tokens"])[0]


def test_effects_of_both_sides_equal_autograd(opened: Opened) -> None:
    """With normalisation scales and activation functions held, over all paths."""
    run = opened.table.run
    layers = {i: neurons_of_run(run, i) for i in range(opened.model.shape.n_layers)}
    table = replace(node_table(run), neurons=layers)  # all neurons pass on what they read
    _, at_stage = total_effects_by_stage(table, opened.target, through_scores=True)
    ours = effects_through_scores(table, at_stage)
    for side in range(2):
        right = token_effects_by_side(opened.hf, side)
        rows = [table.index(f"token@{position}") for position in range(len(IDS))]
        torch.testing.assert_close(ours[side, rows], right, rtol=1e-6, atol=1e-9)
    assert float(ours.abs().max()) > 0.01


def test_an_edge_equals_a_walk_through_the_softmax(opened: Opened) -> None:
    """Of a token to a head: the softmax of one side moved by the token's embedding, times the head's effect."""
    graph, values = opened.scores.graph, opened.scores.values
    responding, _ = total_effects_by_stage(opened.table, opened.target, through_scores=True)
    with torch.no_grad():
        streams = opened.hf(torch.tensor([IDS]), output_hidden_states=True).hidden_states
    embedding = opened.hf.get_input_embeddings().weight.detach()[IDS]
    checked = 0
    for column in range(len(graph.receivers)):
        node = graph.nodes[graph.nodes_by_receiver[column][0]]
        channel = graph.channel(column)
        if node.kind is not NodeKind.HEAD or not channel:
            continue
        block, stream = opened.hf.transformer.h[node.layer], streams[node.layer][0]
        scale = (stream.var(-1, unbiased=False, keepdim=True) + block.ln_1.eps).rsqrt()

        def heads(x: Tensor, block: Any = block, scale: Tensor = scale, node: Any = node) -> list[Tensor]:
            normal = (x - x.mean(-1, keepdim=True)) * scale * block.ln_1.weight + block.ln_1.bias
            parts = (normal @ block.attn.c_attn.weight + block.attn.c_attn.bias).chunk(3, -1)
            return [part.view(len(IDS), HEADS, -1)[:, node.head] for part in parts]

        for sender in np.flatnonzero(graph.mask[:, column]):
            source = graph.nodes[sender]
            if source.kind is not NodeKind.TOKEN:
                continue
            amount = torch.zeros((), dtype=torch.float64, requires_grad=True)
            vector = torch.zeros_like(stream)
            vector[source.position] = embedding[source.position]
            moved, held = heads(stream + amount * vector), heads(stream)
            query, key = (moved[0], held[1]) if channel == "q" else (held[0], moved[1])
            scores = (query @ key.T / query.shape[-1] ** 0.5)[node.position, : node.position + 1]
            weight = block.attn.c_proj.weight.view(HEADS, -1, stream.shape[1])[node.head]
            output = scores.softmax(-1) @ held[2][: node.position + 1] @ weight
            share = output @ output.detach() / output.detach().square().sum()
            (right,) = torch.autograd.grad(share, amount)
            effect = float(responding[opened.table.index(node.name)])
            assert values[sender, column] == pytest.approx(float(right) * effect, rel=1e-6, abs=1e-9)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("name", ["opened", "transparent"])
def test_edges_of_both_sides_add_up_to_a_nodes_effects(name: str, request: pytest.FixtureRequest) -> None:
    case: Opened = request.getfixturevalue(name)
    scores, circuit = case.scores, case.circuit
    assert circuit.contributors is not None
    graph, is_edge = scores.graph, np.zeros(scores.values.shape, bool)
    for side, letter in enumerate("qk"):
        is_side = np.array([graph.channel(r) == letter for r in range(len(graph.receivers))])
        totals = np.where(graph.mask, scores.values, 0)[:, is_side].sum(1)
        right = circuit.contributors.by_side[side, circuit.nodes]
        np.testing.assert_allclose(totals, right, rtol=2e-5, atol=1e-9)
        is_edge |= is_side[None] & graph.mask
    ends = {graph.receivers[c].partition("<")[0] for c in np.flatnonzero(is_edge.any(0))}
    assert case.target.node.name in ends and len(ends) > 5
    assert set(scores.info["score_places"]) <= {graph.edge_name(*edge) for edge in np.argwhere(is_edge)}
    for edge, (head, query, key) in scores.info["score_places"].items():
        sender, _, receiver = edge.partition("->")
        position = graph.node(sender).position
        assert position == (query if receiver.endswith("<q>") else key) and key <= query
        layer = int(head[1:].partition(".")[0])
        assert graph.node(sender).layer is None or graph.node(sender).layer < layer


def test_pairs_and_ledger_equal_products_written_out(opened: Opened) -> None:
    """Of single pairs, and of all nodes: queries and keys of each row, by the plain model's weights."""
    table = opened.table
    with torch.no_grad():
        streams = opened.hf(torch.tensor([IDS]), output_hidden_states=True).hidden_states
    _, at_stage = total_effects_by_stage(table, opened.target, through_scores=True)
    whole, n_pairs = 0.0, 0
    pairs = {(q, k, head): effect for q, k, head, effect in opened.scores.info["query_key_pairs"]}
    sides = np.zeros((2, 2))  # of the circuit's nodes and of others
    in_circuit = np.isin(np.arange(len(table)), opened.circuit.nodes)
    is_bias = table.kind == NODE_KINDS.index(NodeKind.BIAS)
    for layer, block in enumerate(opened.hf.transformer.h):
        stream = streams[layer][0].detach()
        scale = (stream.var(-1, unbiased=False, keepdim=True) + block.ln_1.eps).rsqrt()
        weight, bias = block.attn.c_attn.weight.detach(), block.attn.c_attn.bias.detach()

        def split(x: Tensor) -> list[Tensor]:
            return [part.view(len(x), HEADS, -1) for part in x.chunk(3, -1)]

        normal = (stream - stream.mean(-1, keepdim=True)) * scale * block.ln_1.weight + block.ln_1.bias
        query, key, value = split(normal.detach() @ weight + bias)
        scores = torch.einsum("the,she->hts", query, key) / query.shape[-1] ** 0.5
        visible = torch.ones(len(IDS), len(IDS)).tril().bool()
        pattern = scores.masked_fill(~visible, -torch.inf).softmax(-1)
        out = block.attn.c_proj.weight.detach().view(HEADS, -1, stream.shape[1])
        into = torch.einsum("td,hed->the", at_stage[4 * layer + 2], out)
        of_pattern = torch.einsum("the,she->hts", into, value)
        of_scores = pattern * (of_pattern - (pattern * of_pattern).sum(-1, keepdim=True))
        whole += float((of_scores * scores.where(visible, 0.0)).sum())
        rows = np.flatnonzero(table.stage < 4 * layer + 2)
        at = torch.from_numpy(table.position[rows].astype("int64"))
        x = table.written[rows]
        linear = (x - x.mean(-1, keepdim=True)) * scale[at] * block.ln_1.weight.detach()
        of_queries, of_keys, _ = split(linear @ weight)
        size = query.shape[-1] ** 0.5
        by_query = torch.einsum("nhs,nhe,she->n", of_scores[:, at].transpose(0, 1), of_queries, key) / size
        by_key = torch.einsum("htn,the,nhe->n", of_scores[:, :, at], query, of_keys) / size
        for side, parts in enumerate((by_query, by_key)):
            sides[side, 0] += float(parts[in_circuit[rows]].sum())
            sides[side, 1] += float(parts[~in_circuit[rows] & ~is_bias[rows]].sum())
        place = {table.node(int(row)).name: i for i, row in enumerate(rows)}
        for (q, k, head), effect in pairs.items():
            if head.startswith(f"a{layer}.") and (number := int(head.partition(".h")[2])) >= 0:
                i, j = place[q], place[k]
                right = of_scores[number, at[i], at[j]] * (of_queries[i, number] @ of_keys[j, number]) / size
                assert effect == pytest.approx(float(right), rel=1e-6, abs=1e-9)
                n_pairs += 1
    assert n_pairs == len(pairs) == 50
    ledger = opened.scores.info["attention_ledger"]
    for side, name in enumerate(("queries", "keys")):
        assert ledger[name] == pytest.approx(sides[side, 0], rel=1e-6)
        assert ledger[f"other_{name}"] == pytest.approx(sides[side, 1], rel=1e-6)
    for terms in (("queries", "other_queries", "query_biases"), ("keys", "other_keys", "key_biases")):
        assert sum(ledger[term] for term in terms) == pytest.approx(whole, rel=1e-6)


def test_a_signed_circuit_takes_contributors_that_add_alone(opened: Opened) -> None:
    circuit = local_circuit(opened.edges, opened.target, nodes=30, gate="signed")
    found = add_attention_contributors(circuit, 10)
    assert found.contributors is not None and len(found.contributors.nodes) == 10
    assert found.contributors.effects.min() > 0 > opened.circuit.contributors.effects.min()
