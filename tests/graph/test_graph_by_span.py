"""The graph of components at spans, against its definition written out node by node and path by path."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Graph, ModelShape, NodeKind, prune
from circuitviz.graph.names import split_span
from circuitviz.graph.spans import PromptSpans

SHAPES = [
    ModelShape(2, 2, 8),
    ModelShape(2, 4, 8, n_kv_heads=2),
    ModelShape(2, 2, 8, parallel=True),
    ModelShape(2, 2, 8, mlp=False),
]
PROMPTS = [["other", "IO", "other", "S1", "S2", "END"], ["other", "S1", "IO", "S2", "S2", "END"]]
SPANS = PromptSpans.of_prompts(PROMPTS)


def later(query: str, key: str) -> bool:
    """Whether a token of one span can attend to one of another in some prompt."""
    return any(
        prompt[i] == query and key in prompt[: i + 1] for prompt in PROMPTS for i in range(len(prompt))
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nodes_and_edges_are_those_of_the_model_at_each_span(shape: ModelShape) -> None:
    plain = Graph.transformer(shape)
    graph = plain.with_spans(SPANS)
    assert graph is plain.with_spans(PromptSpans.of_prompts(PROMPTS)) and not graph.is_of_prompt
    assert set(graph.senders) == {f"{name}@{span}" for name in plain.senders for span in SPANS.names}
    edges = set(graph.edge_names(graph.mask))
    expected = set()
    for name in plain.edge_names(plain.mask):
        sender, _, receiver = name.partition("->")
        for span in SPANS.names:
            at_span = receiver.replace("<", f"@{span}<") if "<" in receiver else f"{receiver}@{span}"
            if receiver != "logits" or span == "END":
                expected.add(f"{sender}@{span}->{'logits' if receiver == 'logits' else at_span}")
    assert edges == expected
    for row, receiver in enumerate(graph.receivers):
        owners = {graph.nodes[i].name for i in np.flatnonzero(graph.owners[row])}
        bare, channel = receiver.partition("<")[::2]
        component, span = split_span(bare)
        plain_row = plain.receiver_index[f"{component}<{channel}" if channel else component]
        of_plain = [plain.nodes[i].name for i in np.flatnonzero(plain.owners[plain_row])]
        spans = [d for d in SPANS.names if later(d, span)] if channel[:1] in ("k", "v") else [span]
        assert owners == ({f"{o}@{d}" for o in of_plain for d in spans} if span else {"logits"})
    assert [graph.node(name).span for name in graph.senders[: len(SPANS)]] == list(SPANS.names)
    assert graph.node("logits").kind is NodeKind.LOGITS and graph.depth("logits") == plain.depth("logits")


@settings(deadline=None, max_examples=40)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 999), share=st.sampled_from([0.03, 0.08, 0.2]))
def test_pruning_keeps_what_is_on_a_path(shape: ModelShape, seed: int, share: float) -> None:
    """Heads move what they read between spans, later ones only."""
    graph = Graph.transformer(shape).with_spans(SPANS)
    chosen = graph.mask & (np.random.default_rng(seed).random(graph.mask.shape) < share)
    arrows = set()  # from node to node, through a receiver
    for s, r in np.argwhere(chosen):
        arrows.update((graph.senders[s], graph.nodes[n].name, s, r) for n in np.flatnonzero(graph.owners[r]))
    reached, useful = {n for n in graph.senders if n.startswith("input")}, {"logits"}
    for _ in graph.nodes:
        reached |= {head for tail, head, _, _ in arrows if tail in reached}
        useful |= {tail for tail, head, _, _ in arrows if head in useful}
    on_path = {(s, r) for tail, head, s, r in arrows if tail in reached and head in useful & reached}
    assert {(s, r) for s, r in np.argwhere(prune(graph, chosen))} == on_path


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_edges_are_counted_both_ways(shape: ModelShape) -> None:
    plain = Graph.transformer(shape)
    graph = plain.with_spans(SPANS)
    values = np.where(graph.mask, np.random.default_rng(0).normal(size=graph.mask.shape), 0.0)
    split = graph.split_spans(values)
    assert split.shape == (*plain.mask.shape, len(SPANS)) and np.array_equal(graph.join_spans(split), values)
    for (s, sender), (r, receiver), (i, span) in product(
        enumerate(plain.senders), enumerate(plain.receivers), enumerate(SPANS.names)
    ):
        component, channel = receiver.partition("<")[::2]
        at_span = "logits" if receiver == "logits" else f"{component}@{span}" + f"<{channel}" * bool(channel)
        name = f"{sender}@{span}->{at_span}"
        exists = plain.mask[s, r] and (receiver != "logits" or span == "END")
        assert split[s, r, i] == (values[graph.edge(name)] if exists else 0)
    circuit = Circuit.full(graph)
    assert circuit.n_component_edges == plain.n_edges < circuit.n_edges
    two = Circuit.from_names(graph, ["input@S1->a0.h0@S1<q>", "input@IO->a0.h0@IO<q>"])
    assert (two.n_edges, two.n_component_edges) == (2, 1)


def test_too_many_spans_are_refused() -> None:
    spans = PromptSpans.of_prompts([[f"p{i}" for i in range(200)] + ["END"]])
    with pytest.raises(InputError, match="201 spans of a model with 32,491 edges"):
        Graph.transformer(ModelShape(12, 12, 768)).with_spans(spans)
