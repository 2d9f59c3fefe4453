"""Graphs of 32 layers with 32 heads: chosen, saved, opened and evaluated with work in proportion to their edges.

Work is counted, not timed: calls of functions, and the most memory that was held beside what was there.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from families import tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

from circuitviz.discovery import discover
from circuitviz.document import Document, State
from circuitviz.evaluation import evaluate
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.models import Model, from_hugging_face
from circuitviz.tasks import PromptPair, Task

N_EDGES = 300_000  # of 1,592,881
PAIR = PromptPair("w3 w17 w40 w5", "w3 w17 w71 w5", ("w11",), ("w70",))


def random_scores(n: int) -> Scores:
    """Scores of a model with n layers of n heads."""
    graph = Graph.transformer(ModelShape(n, n, 64))
    return Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape) * graph.mask, "eap-ig")


def random_model(n: int) -> Model:
    """A narrow GPT-2 with n layers of n heads."""
    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=n,
        n_head=n,
        n_embd=2 * n,
        vocab_size=96,
        n_positions=16,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )
    return from_hugging_face(GPT2LMHeadModel(config), tokenizer(), "deep")


def count_work(work: Callable[[], Any]) -> tuple[int, int]:
    """Calls of functions, those of C included, and bytes at the peak beside what was there."""
    n_calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    tracemalloc.start()
    try:
        work()
        return n_calls, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_work_grows_no_faster_than_edges(tmp_path: Path) -> None:
    """Twice the layers and heads have fifteen times the edges, and more than 200 times the pairs of edges."""
    counts: dict[str, list[tuple[int, int]]] = {}
    n_edges = []
    for n in (8, 16):
        scores, model = random_scores(n), random_model(n)
        n_edges.append(scores.graph.n_edges)
        chosen, path = scores.greedy(scores.graph.n_edges // 5), tmp_path / f"{n}.circuit"
        task = Task.from_pairs("words", [PAIR], model.tokens)
        works: dict[str, Callable[[], Any]] = {
            "greedy": lambda scores=scores: Scores(scores.graph, scores.values, "eap-ig").greedy(
                scores.graph.n_edges // 5
            ),
            "top": lambda scores=scores: scores.top(scores.graph.n_edges // 5),
            "save": lambda scores=scores, chosen=chosen, path=path: save_document(
                Document(State(None, scores, chosen)), path
            ),
            "open": lambda path=path: open_document(path),
            "evaluate": lambda model=model, task=task, chosen=chosen: evaluate(
                model, task, Circuit(model.graph, chosen.edges), "logit-diff"
            ),
        }
        for name, work in works.items():
            work()  # what is made once
            counts.setdefault(name, []).append(count_work(work))
    ratio = n_edges[1] / n_edges[0]
    allowed = 2 * ratio  # sorting takes more than in proportion; a step for each pair of edges takes ratio²
    assert allowed < ratio**2 / 7
    for name, (small, large) in counts.items():
        for before, after in zip(small, large, strict=True):
            assert after <= allowed * before, (name, small, large)


def test_a_circuit_of_300000_edges_is_chosen_saved_opened_and_evaluated(tmp_path: Path) -> None:
    model = random_model(32)
    task = Task.from_pairs("words", [PAIR], model.tokens)
    scores = discover(model, task, "eap", metric="logit-diff")
    assert scores.graph.n_edges == 1_592_881
    circuit = scores.top(N_EDGES)
    assert 0.9 * N_EDGES <= circuit.n_edges <= N_EDGES
    path = tmp_path / "deep.circuit"
    save_document(Document(State(None, scores, circuit)), path)
    opened = open_document(path).state
    assert opened.circuit is not None and opened.scores is not None
    np.testing.assert_array_equal(opened.circuit.edges, circuit.edges)
    np.testing.assert_array_equal(opened.scores.values, scores.values)
    measured = evaluate(model, task, opened.circuit, "logit-diff")
    whole = evaluate(model, task, Circuit.full(scores.graph), "logit-diff")
    assert whole.faithfulness.value == 1.0 and 0.5 < measured.faithfulness.value < 1.5
