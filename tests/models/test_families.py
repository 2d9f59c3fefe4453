"""A model of any architecture either has its own numbers, or is refused when it is opened."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pytest
import torch
from families import FAMILIES, PlainEdges, random_model, tokenizer

from circuitviz.discovery import discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.errors import InputError
from circuitviz.evaluation import evaluate
from circuitviz.graph import Circuit
from circuitviz.lens import direct_logit_attribution_steps, read_lens_grid
from circuitviz.models import Model, from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.tasks import PromptPair, Task

PAIRS = (
    PromptPair("w3 w17 w40 w5 w62 w9 w88", "w3 w17 w71 w5 w62 w9 w88", ("w11",), ("w70",)),
    PromptPair("w20 w55 w2 w33 w80 w1 w47", "w20 w6 w2 w33 w80 w1 w47", ("w31",), ("w8",)),
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


@cache
def _opened(name: str) -> tuple[Model, Task, PlainEdges]:
    """A model of a family, a task, and the plain model with its own hooks."""
    model = from_hugging_face(random_model(name), tokenizer(), name)
    task = Task.from_pairs(name, PAIRS, model.tokens)

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return (logits.gather(1, task.correct) - logits.gather(1, task.incorrect)).double().mean()

    layout = FAMILIES[name].layout
    assert layout is not None
    return model, task, PlainEdges(random_model(name), layout, task.clean, task.corrupted, loss)


@pytest.mark.parametrize("name", OPENED)
def test_scores_of_a_family_are_those_of_the_plain_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact effects of edges into q, k, v, MLPs and logits under interchange ablation, and EAP under zero
    ablation, which takes an MLP's output bias, too: both by nothing but torch hooks on Hugging Face's model.
    EAP's backward pass is that of the whole graph, and that of one block after another."""
    model, task, truth = _opened(name)
    graph = model.graph
    edges = _some_edges(model, name)
    names = [(graph.senders[s], graph.receivers[r]) for s, r in edges]
    spread = float(truth.logits.std())

    exact = run_to_completion(measure_edge_effects(make_setting(model, task, "logit-diff"), edges)).values
    right = np.array([truth.effect(receiver, truth.beyond[sender]) for sender, receiver in names])
    assert np.abs([exact[edge] for edge in edges] - right).max() <= 1e-5 * spread
    into_mlps = [number for number, (_, receiver) in enumerate(names) if receiver.startswith("m")]
    assert np.abs(right).max() > 1e-2 * spread
    assert np.abs(right[into_mlps]).max() > 1e-3 * spread

    found = [discover(model, task, "eap", metric="logit-diff", ablation="zero").values]
    monkeypatch.setattr("circuitviz.discovery.gradients.batch_budget_bytes", lambda device: 0)
    found.append(discover(model, task, "eap", metric="logit-diff", ablation="zero").values)
    gradients = truth.gradients({receiver for _, receiver in names})
    right = np.array([float((truth.written[u] * gradients[v]).sum()) for u, v in names])
    for eap in found:
        assert np.abs([eap[edge] for edge in edges] - right).max() <= 2e-5 * np.abs(right).max()


@pytest.mark.parametrize("name", OPENED)
def test_edges_into_queries_and_keys_are_exact_in_the_pattern(name: str) -> None:
    """AtP* under interchange ablation; heads may share a normalisation (OLMo 2, BitNet)."""
    model, task, truth = _opened(name)
    found, graph = discover(model, task, "atp-star", metric="logit-diff").values, model.graph
    edges = [(s, r) for s, r in _some_edges(model, name) if graph.receivers[r].endswith(("<q>", "<k>"))]
    right = [
        truth.effect_on_heads(graph.receivers[r], truth.beyond[graph.senders[s]]) for s, r in edges
    ]  # fmt: skip
    size = np.abs(found).max()
    assert np.abs([found[edge] for edge in edges] - np.array(right)).max() <= 2e-5 * size
    assert np.abs(right).max() > 1e-3 * size


@pytest.mark.parametrize("name", OPENED)
def test_direct_logit_attributions_add_up_to_the_logit_difference(name: str) -> None:
    """Each sender's, and with positions and biases their sum, from the plain model's own final normalisation.

    With its scale held, a final normalisation multiplies each number of what a sender writes, less the mean
    in a LayerNorm, by its gain: (output − bias) / (input − mean) on the run itself.
    """
    model, task, truth = _opened(name)
    stream, normal, logits = truth.end()
    final = truth.hf.get_submodule(truth.layout.final)
    is_centred = torch.allclose(final(stream + 1), normal, atol=1e-4)
    bias = final(torch.zeros_like(stream)) if is_centred else torch.zeros_like(stream)
    centred = stream - stream.mean(-1, keepdim=True) if is_centred else stream
    gain = (normal - bias) / centred
    unembedding = truth.hf.get_output_embeddings()
    cap = getattr(truth.hf.config, "final_logit_softcapping", None)
    logits = torch.atanh(logits / cap) * cap if cap else logits
    plain = unembedding(normal)
    factor = (plain * logits).sum() / plain.square().sum()  # of Cohere and Granite
    rows = unembedding.weight[task.correct[:, 0]] - unembedding.weight[task.incorrect[:, 0]]

    def attribution(written: torch.Tensor) -> torch.Tensor:
        centred = written - written.mean(-1, keepdim=True) if is_centred else written
        return (centred * gain * rows).sum(-1) * factor

    senders = {name: values[:, -1] for name, values in truth.written.items()}
    ours = run_to_completion(direct_logit_attribution_steps(model, task))
    right = torch.stack([attribution(senders[sender]) for sender in ours.names])
    scale = float(right.abs().max())
    assert np.abs(ours.values - right.numpy()).max() <= 1e-4 * scale

    rest = stream - torch.stack(list(senders.values())).sum(0)
    total = ours.values.sum(0) + (attribution(rest) + (bias * rows).sum(-1) * factor).numpy()
    if unembedding.bias is not None:
        difference = unembedding.bias[task.correct[:, 0]] - unembedding.bias[task.incorrect[:, 0]]
        total = total + difference.numpy()
    expected = (logits.gather(1, task.correct) - logits.gather(1, task.incorrect))[:, 0]
    assert np.abs(total - expected.numpy()).max() <= 1e-3 * scale


@pytest.mark.parametrize("name", OPENED)
def test_the_whole_circuit_is_the_model_and_the_empty_one_the_corrupted_run(name: str) -> None:
    model, task, truth = _opened(name)
    right = float(truth.loss(truth.logits))
    everything = Circuit(model.graph, model.graph.mask)
    nothing = Circuit(model.graph, np.zeros_like(model.graph.mask))
    whole = evaluate(model, task, everything, metric="logit-diff")
    empty = evaluate(model, task, nothing, metric="logit-diff")
    assert whole.model == pytest.approx(right, abs=1e-4)
    assert whole.faithfulness.value == pytest.approx(1, abs=1e-4)
    assert empty.faithfulness.value == pytest.approx(0, abs=1e-4)
    assert empty.circuit == pytest.approx(float(truth.loss(truth.corrupted_logits)), abs=1e-4)
    lens = read_lens_grid(model, task)
    expected = tokenizer().convert_ids_to_tokens(truth.logits[0].topk(3).indices.tolist())
    assert [token.token for token in lens.cells[-1][-1].top[:3]] == expected


REASONS = {
    "openai-gpt": "no normalisation before its unembedding",
    "opt-post-norm": "no normalisation before its unembedding",
    "opt-350m": "no normalisation before its unembedding",
    "deepseek2": "Layer 0 of 'deepseek2' has latent attention",
    "deepseek3": "Layer 0 of 'deepseek3' has latent attention",
    "gemma4-per-layer": "Layer 0 of 'gemma4-per-layer' adds an embedding of its own after the MLP",
    "mamba": r"Layer 0 of 'mamba' \(MambaBlock\) has no attention",
    "qwen3-next": r"Layer 0 of 'qwen3-next' \(Qwen3NextDecoderLayer\) has no attention",
    "gpt-bigcode-all-keys": "only supports multi_query=True",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_family_that_cannot_be_taken_apart_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InputError, match=REASONS.get(name, "^The model ")) as refused:
        from_hugging_face(random_model(name), tokenizer(), name)
    assert f"'{name}'" in str(refused.value)
