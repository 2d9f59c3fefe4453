"""An edge's contributions by position and pair, against autograd through a transformer written out in the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import HALF_NAMES, NAMES, Case, make_case
from slow_path import SlowModel, _turn, logit_difference
from torch import Tensor

from circuitviz.discovery import discover, gradients, make_setting
from circuitviz.discovery.edge_contributions import EdgeContributions, read_edge_steps
from circuitviz.discovery.gradients import pattern_bytes
from circuitviz.errors import InputError
from circuitviz.progress import run_to_completion

STEPS = 3
in_every_precision = pytest.mark.parametrize("case", [*NAMES, *HALF_NAMES], indirect=True)


def _read(
    case: Case, edge: str, prompt: int = 0, method: str = "eap-ig", **options: Any
) -> EdgeContributions:
    ablation = options.pop("ablation", "corrupted")
    setting = make_setting(case.model, case.task, "logit-diff", ablation)
    return run_to_completion(read_edge_steps(setting, edge, prompt, method, **options))


def _edges_of_each_kind(case: Case) -> list[str]:
    """One edge into a query, a key, a value, an MLP and the logits of the last layer, from a head and the input."""
    graph, last = case.model.graph, case.model.shape.n_layers - 1
    kv = "kv" if case.model.shape.queries_per_kv_head > 1 else "h"
    receivers = [f"a{last}.h1<q>", f"a{last}.{kv}1<k>", f"a{last}.{kv}0<v>", f"m{last}", "logits"]
    return [f"{s}->{r}" for r in receivers if r in graph.receiver_index for s in ("input", "a0.h1")]


def _gradient_point(case: Case, prompt: int, share: float, run: Callable[..., Any]) -> Tensor:
    """The metric of a run of one prompt whose embedding is a share of the way from corrupted to clean."""
    task, row = case.task, [prompt]
    embed = case.slow.hf.get_input_embeddings()
    clean, corrupted = embed(task.clean[row]), embed(task.corrupted[row])
    begin = corrupted + share * (clean - corrupted)
    logits, _ = run(task.clean[row], task.lengths[row] - 1, begin=begin)
    return logit_difference(logits, task.correct[row], task.incorrect[row]).sum()


def _delta(case: Case, sender: str, prompt: int, ablation: str = "corrupted") -> Tensor:
    """z_u − a_u of one prompt [time, d]."""
    ours = case.slow_outputs()[1]
    return (ours[sender] - case.slow_ablation(ablation)[sender])[prompt]


def _slow_positions(case: Case, edge: str, prompt: int, shares: list[float], ablation: str) -> Tensor:
    """(z_u − a_u)[t] · the mean of ∂L/∂x_v[t], by autograd at what is added to the receiver's input [time]."""
    sender, _, receiver = edge.partition("->")
    delta = _delta(case, sender, prompt, ablation)
    run: Any = SlowModel.run.__wrapped__  # type: ignore[attr-defined]  # without no_grad
    total = torch.zeros(len(delta), dtype=torch.float64)
    for share in shares:
        push = torch.zeros_like(delta)[None].requires_grad_()
        metric = _gradient_point(
            case,
            prompt,
            share,
            lambda *args, p=push, **named: run(case.slow, *args, pushed={receiver: p}, **named),
        )
        (gradient,) = torch.autograd.grad(metric, push)
        total += (delta * gradient[0]).sum(-1) / len(shares)
    return total


class _PairModel(SlowModel):
    """The slow model in which one receiver has an input of its own for each pair of query and key.

    push: what is added to the receiver's input of each pair, [query, key, d].
    """

    def __init__(self, slow: SlowModel, receiver: str, push: Tensor) -> None:
        self.__dict__.update(slow.__dict__)
        self.receiver, self.channel, self.push = receiver, receiver[-2], push

    def _attention(self, layer: int, block: Any, into: Any, rotary: Any, patterns: Any, looked: Any) -> Any:
        written, bias = super()._attention(layer, block, into, rotary, patterns, looked)
        if not self.receiver.startswith(f"a{layer}."):
            return written, bias
        norm = block.ln_1 if self.gpt2 else block.input_layernorm
        parts: dict[str, list[Tensor]] = {"q": [], "k": [], "v": []}  # [query, key, d_head], or one of them 1
        sharing = []
        for channel, name in self.receivers(layer):
            head, x = len(parts[channel]), into(name)[0]
            x = x[:, None] if channel == "q" else x[None]
            if name == self.receiver:
                x = x + self.push
                sharing = [h for h in range(self.heads) if (h if channel == "q" else self._group(h)) == head]
            weight, add = self._projection(block, channel, head)
            part = norm(x) @ weight + add
            if rotary is not None and channel != "v":
                tables = [t[0][:, None] if channel == "q" else t[0][None] for t in rotary]
                part = _turn(part, *tables)
            parts[channel].append(part)
        for head in sharing:
            group = self._group(head)
            scores = (parts["q"][head] * parts["k"][group]).sum(-1) / self.size**0.5
            is_seen = torch.ones_like(scores, dtype=torch.bool).tril()
            pattern = scores.masked_fill(~is_seen, float("-inf")).softmax(-1)
            z = (pattern[..., None] * parts["v"][group]).sum(1)
            raw = z @ self._output(block, head)
            assert torch.allclose(raw, written[f"a{layer}.h{head}"][0], atol=1e-9)  # nothing is pushed yet
            written[f"a{layer}.h{head}"] = raw[None]
        return written, bias

    def _group(self, head: int) -> int:
        return head // (self.heads // self.kv)


def _slow_pairs(case: Case, edge: str, prompt: int) -> Tensor:
    """(z_u − a_u) at the read position · ∂L/∂ what a pair alone reads there, at the clean prompt [query, key]."""
    sender, _, receiver = edge.partition("->")
    delta = _delta(case, sender, prompt)
    push = torch.zeros(len(delta), *delta.shape).double().requires_grad_()
    pair_model = _PairModel(case.slow, receiver, push)
    run: Any = SlowModel.run.__wrapped__  # type: ignore[attr-defined]
    metric = _gradient_point(case, prompt, 1.0, lambda *args, **named: run(pair_model, *args, **named))
    (gradient,) = torch.autograd.grad(metric, push)
    read_at = delta[:, None] if receiver[-2] == "q" else delta[None]
    return (gradient * read_at).sum(-1)


@in_every_precision
@pytest.mark.parametrize("ablation", ["corrupted", "zero", "mean"])
def test_positions_equal_autograd_on_a_plain_model(case: Case, ablation: str) -> None:
    seen = 0.0
    for number, edge in enumerate(_edges_of_each_kind(case)):
        prompt = number % len(case.task)
        reading = _read(case, edge, prompt, "eap", ablation=ablation)
        slow = _slow_positions(case, edge, prompt, [1.0], ablation).detach().numpy()
        slow = slow[: int(case.task.lengths[prompt])]
        assert reading.positions == pytest.approx(slow, abs=1e-5), edge
        assert len(reading.tokens) == len(reading.positions)
        seen = max(seen, np.abs(slow).max())
    assert seen > 1e-3


@pytest.mark.parametrize("name", ["demo", "stories", "neox"])
def test_positions_of_integrated_gradients_equal_autograd(name: str) -> None:
    case = make_case(name)
    for edge in _edges_of_each_kind(case):
        reading = _read(case, edge, 1, "eap-ig", steps=STEPS)
        shares = [step / STEPS for step in range(STEPS)]
        slow = _slow_positions(case, edge, 1, shares, "corrupted").detach().numpy()
        assert reading.positions == pytest.approx(slow[: len(reading.positions)], abs=1e-5), edge


@pytest.mark.parametrize("name", ["demo", "stories", "neox", "attention-only", "plain"])
def test_pairs_equal_autograd_where_each_pair_reads_an_input_of_its_own(name: str) -> None:
    case, seen = make_case(name), 0.0
    for edge in _edges_of_each_kind(case):
        if not edge.endswith(">") or edge.endswith("->"):
            continue
        reading = _read(case, edge, 2, "eap")
        assert reading.pairs is not None and reading.channel == edge[-2]
        slow = _slow_pairs(case, edge, 2).detach().numpy()
        time = len(reading.tokens)
        assert reading.pairs == pytest.approx(slow[:time, :time], abs=1e-5), edge
        assert not np.triu(reading.pairs, 1).any()  # attention looks back only
        sums = reading.pairs.sum(axis=1 if reading.channel == "q" else 0)
        assert sums == pytest.approx(reading.positions, abs=1e-6)
        seen = max(seen, np.abs(slow).max())
    assert seen > 1e-4


@pytest.mark.parametrize("method", ["eap", "eap-ig", "clean-corrupted", "eap-ig-activations"])
@in_every_precision
def test_positions_add_up_to_the_score_of_the_method(case: Case, method: str) -> None:
    options = {"steps": 2} if method.startswith("eap-ig") else {}
    prompt = 1
    alone = case.task.subset([prompt])
    scores = discover(case.model, alone, method, "logit-diff", **options)
    for edge in _edges_of_each_kind(case):
        expected = scores.values[case.model.graph.edge(edge)]
        reading = _read(case, edge, prompt, method, **options)
        assert reading.method == method
        assert reading.score == pytest.approx(expected, abs=1e-5 * max(1.0, np.abs(scores.values).max())), (
            edge
        )


@pytest.mark.parametrize("name", ["demo", "stories"])
@pytest.mark.parametrize(("method", "options"), [("relp", {}), ("relp", {"qk": "gradient"}), ("gim", {})])
def test_positions_add_up_where_the_backward_pass_has_other_rules(
    name: str, method: str, options: dict[str, str]
) -> None:
    case = make_case(name)
    scores = discover(case.model, case.task.subset([1]), method, "logit-diff", **options)
    for edge in _edges_of_each_kind(case):
        reading = _read(case, edge, 1, method, **options)
        assert reading.method == method and reading.pairs is None
        expected = scores.values[case.model.graph.edge(edge)]
        assert reading.score == pytest.approx(expected, abs=1e-5 * max(1.0, np.abs(scores.values).max())), (
            edge
        )


def test_a_prompt_too_long_for_pairs_is_read_by_positions_layer_by_layer(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges = [edge for edge in _edges_of_each_kind(demo) if edge.endswith(">")]
    expected = [_read(demo, edge, steps=2) for edge in edges]
    size = pattern_bytes(demo.model, *demo.task.subset([0]).clean.shape)
    monkeypatch.setattr("circuitviz.discovery.edge_contributions.free_bytes", lambda device: 4 * size)
    assert all(_read(demo, edge, steps=2).pairs is not None for edge in edges)
    monkeypatch.setattr("circuitviz.discovery.edge_contributions.free_bytes", lambda device: 4 * size - 1)
    monkeypatch.setattr("circuitviz.discovery.gradients.batch_budget_bytes", lambda device: 0)
    by_layer, calls = gradients._run_by_layer, []

    def run_by_layer(*args: Any) -> Any:
        calls.append(1)
        return by_layer(*args)

    monkeypatch.setattr(gradients, "_run_by_layer", run_by_layer)
    for edge, before in zip(edges, expected, strict=True):
        reading = _read(demo, edge, steps=2)
        assert reading.pairs is None and reading.is_too_long_for_pairs and not before.is_too_long_for_pairs
        assert reading.positions == pytest.approx(before.positions, abs=1e-6), edge
    assert len(calls) == 2 * len(edges)
    assert not _read(demo, "m1->m2").is_too_long_for_pairs  # it has none


def test_a_method_without_gradients_is_read_by_integrated_gradients(demo: Case) -> None:
    reading = _read(demo, "m1->m2", 0, "exact", tolerance=3)
    assert reading.method == "eap-ig"
    assert reading.score == pytest.approx(_read(demo, "m1->m2", 0).score)


@pytest.mark.parametrize(
    ("edge", "prompt", "word"), [("m2->m1", 0, "m2->m1"), ("m1->m2", 6, "6"), ("m1->m2", -1, "-1")]
)
def test_what_is_not_there_is_refused(demo: Case, edge: str, prompt: int, word: str) -> None:
    with pytest.raises(InputError, match=word):
        _read(demo, edge, prompt)


def test_a_metric_without_a_gradient_is_refused(demo: Case) -> None:
    setting = make_setting(demo.model, demo.task, "accuracy")
    with pytest.raises(InputError, match="accuracy"):
        run_to_completion(read_edge_steps(setting, "m1->m2"))
