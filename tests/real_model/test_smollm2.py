"""Numbers of a real model with 30 layers, against torch hooks on the plain Hugging Face model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from families import LLAMA, PlainEdges
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuitviz.discovery import discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.document import Document, State
from circuitviz.evaluation import evaluate
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Circuit, Scores
from circuitviz.models import Model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task

EDGES = (
    ("input", "a0.h4<q>"),
    ("input", "m0"),
    ("m0", "a1.kv1<k>"),
    ("a3.h2", "m5"),
    ("m8", "a17.h5<q>"),
    ("a12.h7", "a20.kv2<v>"),
    ("m20", "m29"),
    ("m28", "logits"),
    ("a29.h1", "logits"),
)


@pytest.fixture(scope="module")
def task(model: Model) -> Task:
    """IOI prompts of one length, so that the last position of each is its answer position."""
    task = load_task("ioi", model, prompts=16)
    lengths = task.lengths.tolist()
    return task.subset([i for i, length in enumerate(lengths) if length == max(lengths)][:4])


@pytest.fixture(scope="module")
def scores(model: Model, task: Task) -> Scores:
    """EAP's scores."""
    return discover(model, task, "eap", metric="logit-diff")


def test_the_model_knows_which_name_comes_next(model: Model) -> None:
    task = load_task("ioi", model, prompts=8)
    with torch.no_grad():
        logits = model.logits(task.clean, task.lengths - 1)
    assert (logits.gather(1, task.correct) > logits.gather(1, task.incorrect)).all()


def test_a_chat_templates_text_is_read_with_one_bos(model: Model, folder: Path) -> None:
    """Its BOS begins each turn, and the template's text begins with it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    assert text.startswith(tokenizer.bos_token) and ids[:2].count(tokenizer.bos_token_id) == 1
    assert model.tokens.encode(text) == ids


def test_the_graph_has_the_edges_of_grouped_queries(model: Model) -> None:
    heads, groups, layers = 9, 3, 30
    senders = 1 + layers * (heads + 1)
    per_layer = heads + 2 * groups
    edges = sum(
        (1 + layer * (heads + 1)) * per_layer + 1 + layer * (heads + 1) + heads for layer in range(layers)
    )
    assert len(model.graph.senders) == senders == 301
    assert int(model.graph.mask.sum()) == edges + senders


def test_scores_are_those_of_the_plain_model(model: Model, task: Task, scores: Scores, folder: Path) -> None:
    """Exact effects by patching one receiver's input, and EAP's scores by autograd."""

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return (logits.gather(1, task.correct) - logits.gather(1, task.incorrect)).double().mean()

    hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    truth = PlainEdges(hf, LLAMA, task.clean, task.corrupted, loss, heads=9, head_width=64)
    graph = model.graph
    edges = [(graph.sender_index[sender], graph.receiver_index[receiver]) for sender, receiver in EDGES]
    spread = float(truth.logits.std())
    exact = run_to_completion(measure_edge_effects(make_setting(model, task, "logit-diff"), edges)).values
    right = [truth.effect(receiver, truth.beyond[sender]) for sender, receiver in EDGES]
    assert np.abs(np.array([exact[edge] for edge in edges]) - right).max() <= 1e-4 * spread
    gradients = truth.gradients([receiver for _, receiver in EDGES])
    right = [float((truth.beyond[u] * gradients[v]).sum()) for u, v in EDGES]
    assert (
        np.abs(np.array([scores.values[edge] for edge in edges]) - right).max() <= 1e-4 * np.abs(right).max()
    )


def test_a_found_circuit_is_more_faithful_than_a_random_one(model: Model, task: Task, scores: Scores) -> None:
    circuit = scores.greedy(1_400)
    draw = np.random.default_rng(0).random(scores.values.shape)
    random = Scores(model.graph, np.where(model.graph.mask, draw, 0), "random").greedy(1_400)
    found, chance = (
        evaluate(model, task, c, metric="logit-diff").faithfulness.value for c in (circuit, random)
    )
    assert found > 0.3 > chance
    whole = evaluate(model, task, Circuit(model.graph, model.graph.mask), metric="logit-diff")
    assert whole.faithfulness.value == pytest.approx(1, abs=1e-3)


def test_all_scores_survive_a_file(scores: Scores, tmp_path: Path) -> None:
    """70,651 scores in a file of less than 1 MB."""
    path = tmp_path / "ioi.circuit"
    save_document(Document(State(None, scores, scores.greedy(500))), path)
    assert path.stat().st_size < 1_000_000
    state = open_document(path).state
    assert state.scores is not None and state.circuit is not None
    np.testing.assert_allclose(state.scores.values, scores.values, rtol=1e-6)
    assert state.circuit.n_edges == 500
