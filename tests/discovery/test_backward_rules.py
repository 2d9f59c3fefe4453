"""RelP and GIM against plain Hugging Face models whose modules follow the papers' rules by autograd functions."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, PlainEdges, random_model, tokenizer
from slow_rules import Activate, Gate, Multiply, Normalise, Softmax, Wrapped
from torch import Tensor

from circuitviz.discovery import discover
from circuitviz.errors import InputError
from circuitviz.models import from_hugging_face
from circuitviz.tasks import PromptPair, Task

PAIRS = (
    PromptPair("w3 w17 w40 w5 w62 w9 w88", "w3 w17 w71 w5 w62 w9 w88", ("w11",), ("w70",)),
    PromptPair("w20 w55 w2 w33 w80 w1 w47", "w20 w6 w2 w33 w80 w1 w47", ("w31",), ("w8",)),
)
RULES = [("relp", {}), ("relp", {"qk": "gradient"}), ("gim", {})]


def _follow_rules(hf: Any, method: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a plain model's backward pass follow a method's rules."""
    for name, module in list(hf.named_modules()):
        kind = type(module).__name__
        if "Norm" in kind:
            hf.set_submodule(name, Wrapped(Normalise, module))
        elif type(module).__module__ == "transformers.activations" and method == "relp":
            hf.set_submodule(name, Wrapped(Activate, module))
    for module in hf.modules():
        if hasattr(module, "gate_proj"):
            module.forward = lambda x, m=module: m.down_proj(
                Gate.apply(m.act_fn(m.gate_proj(x)), m.up_proj(x))
            )
            if hasattr(module, "ffn_sub_norm"):  # BitNet
                module.forward = lambda x, m=module: m.down_proj(
                    m.ffn_sub_norm(Gate.apply(m.act_fn(m.gate_proj(x)), m.up_proj(x)))
                )
        elif hasattr(module, "gate_up_proj"):
            module.forward = lambda x, m=module: m.down_proj(_fused_gate(m, x))

    def attend(
        module: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        scaling: float | None = None,
        **more: Any,
    ) -> tuple[Tensor, Tensor]:
        groups = q.shape[1] // k.shape[1]
        k, v = (x.repeat_interleave(groups, 1) for x in (k, v))
        scale = scaling if scaling is not None else 1 / math.sqrt(q.shape[-1])
        multiply = Multiply.apply if method == "gim" else torch.matmul
        scores = multiply(q, k.transpose(-1, -2)) * scale
        if cap := more.get("softcap"):
            scores = torch.tanh(scores / cap) * cap
        time = q.shape[-2]
        if mask is None:
            mask = torch.full((time, time), float("-inf")).triu(1)
        scores = scores + mask[..., :time]
        pattern = Softmax.apply(scores) if method == "gim" else scores.softmax(-1)
        if options.get("qk", "constant") == "constant" and method == "relp":
            pattern = pattern.detach()
        return multiply(pattern, v).transpose(1, 2).contiguous(), pattern

    monkeypatch.setattr(sys.modules[type(hf).__module__], "eager_attention_forward", attend)
    return hf


def _fused_gate(mlp: Any, x: Tensor) -> Tensor:
    gate, up = mlp.gate_up_proj(x).chunk(2, -1)
    out: Tensor = Gate.apply(mlp.activation_fn(gate), up)
    return out


@pytest.mark.parametrize(("method", "options"), RULES)
@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        "gpt-neox",
        "llama-grouped",
        "qwen2",
        "qwen3",
        "gemma2",
        "gemma3",
        "olmo2",
        "phi",
        "phi3",
        "glm4",
        "bitnet",
    ],
)
def test_scores_are_those_of_the_rules_on_the_plain_model(
    name: str, method: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = from_hugging_face(random_model(name), tokenizer(), name)
    task, graph = Task.from_pairs(name, PAIRS, model.tokens), model.graph
    found = discover(model, task, method, metric="logit-diff", **options).values

    def loss(logits: Tensor) -> Tensor:
        return (logits.gather(1, task.correct) - logits.gather(1, task.incorrect)).double().mean()

    layout = FAMILIES[name].layout
    assert layout is not None
    plain = random_model(name)
    plain_logits = plain(task.clean).logits
    ruled = _follow_rules(plain, method, options, monkeypatch)
    assert torch.allclose(ruled(task.clean).logits, plain_logits, atol=1e-4), "rules change no forward pass"
    truth = PlainEdges(ruled, layout, task.clean, task.corrupted, loss)
    heads, last = ("kv", model.shape.kv_heads - 1) if model.shape.has_grouped_queries else ("h", 3)
    receivers = ["a0.h1<q>", "a1.h2<q>", f"a1.{heads}0<k>", f"a0.{heads}{last}<v>", "m0", "m1", "logits"]
    into_patterns, columns = [r for r in receivers if r[-2] in "qk"], graph.receiver_index
    if method == "relp" and not options:  # patterns are constants
        assert not found[:, [columns[receiver] for receiver in into_patterns]].any()
        receivers = [receiver for receiver in receivers if receiver not in into_patterns]
    gradients = truth.gradients(receivers)
    edges = [
        (int(sender), columns[receiver], receiver)
        for receiver in receivers
        for sender in np.flatnonzero(graph.mask[:, columns[receiver]])
    ]
    right = np.array([float((truth.beyond[graph.senders[s]] * gradients[r]).sum()) for s, _, r in edges])
    ours = np.array([found[s, column] for s, column, _ in edges])
    assert np.abs(ours - right).max() <= 1e-4 * np.abs(right).max()
    ordinary = discover(model, task, "eap", metric="logit-diff").values
    assert np.abs([ordinary[s, c] for s, c, _ in edges] - right).max() > 1e-2 * np.abs(right).max()


@pytest.mark.parametrize("method", ["relp", "gim"])
def test_normalisations_inside_blocks_are_held_one_block_at_a_time_too(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = from_hugging_face(random_model("bitnet"), tokenizer(), "bitnet")
    task = Task.from_pairs("bitnet", PAIRS, model.tokens)
    whole = discover(model, task, method).values
    monkeypatch.setattr("circuitviz.discovery.gradients.batch_budget_bytes", lambda device: 0)
    assert discover(model, task, method).values == pytest.approx(whole, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("method", ["relp", "gim"])
def test_models_without_a_rule_are_refused_in_a_sentence(method: str) -> None:
    model = from_hugging_face(random_model("mixtral"), tokenizer(), "mixtral")
    task = Task.from_pairs("mixtral", PAIRS, model.tokens)
    with pytest.raises(InputError, match="mixtures of experts"):
        discover(model, task, method)


def test_a_normalisation_of_each_head_is_refused_in_a_sentence() -> None:
    model = from_hugging_face(random_model("stablelm-parallel"), tokenizer(), "stablelm")
    task = Task.from_pairs("heads", PAIRS, model.tokens)
    with pytest.raises(InputError, match=r"'stablelm' normalises .*q_norm"):
        discover(model, task, "gim")
