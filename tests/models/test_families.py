"""A model of any architecture either has its own numbers, or is refused when it is opened."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from families import FAMILIES, PlainEdges, random_model, tokenizer

from circuitviz.discovery import discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.errors import InputError
from circuitviz.models import Model, from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Pair, Task

PAIRS = (
    Pair("w3 w17 w40 w5 w62 w9 w88", "w3 w17 w71 w5 w62 w9 w88", ("w11",), ("w70",)),
    Pair("w20 w55 w2 w33 w80 w1 w47", "w20 w6 w2 w33 w80 w1 w47", ("w31",), ("w8",)),
)
OPENED = [name for name, family in FAMILIES.items() if family.layout is not None]
REFUSED = [name for name, family in FAMILIES.items() if family.layout is None]


def _some_edges(model: Model, name: str) -> list[tuple[int, int]]:
    """Edges into every kind of receiver of the last layer, into both MLPs, and into the logits."""
    graph, draw = model.graph, np.random.default_rng(zlib.crc32(name.encode()))
    heads, last = ("kv", model.shape.kv_heads - 1) if model.shape.has_grouped_queries else ("h", 3)
    edges = []
    for receiver in ("a1.h2<q>", f"a1.{heads}0<k>", f"a1.{heads}{last}<v>", "m0", "m1", "logits"):
        column = graph.receiver_index[receiver]
        senders = np.flatnonzero(graph.mask[:, column])
        edges += [(int(sender), column) for sender in draw.permutation(senders)[:4]]
    return edges


@pytest.mark.parametrize("name", OPENED)
def test_scores_of_a_family_are_those_of_the_plain_model(name: str) -> None:
    """Exact effects of edges into q, k, v, MLPs and logits under interchange ablation, and EAP under zero
    ablation, which takes an MLP's output bias, too: both by nothing but torch hooks on Hugging Face's model."""
    model = from_hugging_face(random_model(name), tokenizer(), name)
    task, graph = Task.from_pairs(name, PAIRS, model.tokens), model.graph

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return (logits.gather(1, task.correct) - logits.gather(1, task.incorrect)).double().mean()

    layout = FAMILIES[name].layout
    assert layout is not None
    truth = PlainEdges(random_model(name), layout, task.clean, task.corrupted, loss)
    edges = _some_edges(model, name)
    names = [(graph.senders[s], graph.receivers[r]) for s, r in edges]
    spread = float(truth.logits.std())

    exact = run_to_completion(measure_edge_effects(make_setting(model, task, "logit-diff"), edges)).values
    right = np.array([truth.effect(receiver, truth.beyond[sender]) for sender, receiver in names])
    assert np.abs([exact[edge] for edge in edges] - right).max() <= 1e-5 * spread
    into_mlps = [number for number, (_, receiver) in enumerate(names) if receiver.startswith("m")]
    assert np.abs(right).max() > 1e-2 * spread
    assert np.abs(right[into_mlps]).max() > 1e-3 * spread

    eap = discover(model, task, "eap", metric="logit-diff", ablation="zero").values
    gradients = truth.gradients({receiver for _, receiver in names})
    right = np.array([float((truth.written[u] * gradients[v]).sum()) for u, v in names])
    assert np.abs([eap[edge] for edge in edges] - right).max() <= 2e-5 * np.abs(right).max()


@pytest.mark.parametrize("name", REFUSED)
def test_a_family_that_cannot_be_taken_apart_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InputError) as refused:
        from_hugging_face(random_model(name), tokenizer(), name)
    assert str(refused.value).startswith(f"The model '{name}' ")
