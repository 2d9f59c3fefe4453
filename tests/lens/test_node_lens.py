"""Readings against the plain model: shares add up, attention rows add to one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import Case

from circuitviz.errors import InputError
from circuitviz.lens import read_node


@torch.no_grad()
def test_direct_attributions_add_up_to_the_logit_difference(case: Case) -> None:
    """Nodes by the reading, positions and biases by the slow path, through the final scale."""
    task, slow = case.task.subset([0]), case.slow
    at = task.lengths - 1
    cap = getattr(slow.hf.config, "final_logit_softcapping", None)
    logits, outs = slow.run(task.clean, at)
    if cap is not None:  # what adds up is what is capped afterwards
        logits = torch.atanh(logits / cap) * cap
    total = sum(
        read_node(case.model, case.task, n.name, 0).direct_logit_attribution
        for n in case.model.graph.nodes[:-1]
    )
    stream = slow._positions(task.clean)
    for layer, block in enumerate(slow.blocks):
        stream = stream + slow._output_bias(block)
        assert (f"m{layer}" in outs) == slow.mlps
    norm = slow.body.ln_f if slow.gpt2 else slow.body.final_layer_norm if slow.neox else slow.body.norm
    final = slow._positions(task.clean) + sum(outs.values())
    final = (final + sum(slow._output_bias(b) for b in slow.blocks))[0, at[0]]
    rest = stream.expand_as(outs["input"])[0, at[0]]
    bare = isinstance(norm, torch.nn.Identity)
    centred = (slow.gpt2 or slow.neox) and not bare
    spread = final - final.mean() if centred else final
    eps = getattr(norm, "eps", 1e-5)
    scale = 1.0 if bare else (spread.pow(2).mean() + eps).sqrt()
    rest = (rest - rest.mean() if centred else rest) / scale * getattr(norm, "weight", 1.0)
    if getattr(norm, "bias", None) is not None:
        rest = rest + norm.bias
    matrix = slow.hf.get_output_embeddings().weight
    right, wrong = task.correct[0], task.incorrect[0]
    direction = matrix[right[right >= 0]].mean(0) - matrix[wrong[wrong >= 0]].mean(0)
    whole = logits[0, right[right >= 0]].mean() - logits[0, wrong[wrong >= 0]].mean()
    assert total + float(rest @ direction) == pytest.approx(float(whole), rel=1e-4, abs=1e-4)


def test_the_lens_of_the_logits_is_the_model(case: Case) -> None:
    reading = read_node(case.model, case.task, "logits", 1)
    task = case.task.subset([1])
    logits, _ = case.slow.run(task.clean, task.lengths - 1)
    best = logits[0].topk(len(reading.top))
    assert [t.logit for t in reading.top] == pytest.approx(best.values.tolist(), abs=1e-3)
    assert reading.top[0].probability == pytest.approx(float(logits[0].softmax(-1).max()), abs=1e-4)
    for answer in reading.answers:  # two logits may be nearer than float32 can tell
        above = [int((logits[0] > answer.logit + by).sum()) for by in (1e-4, -1e-4)]
        assert above[0] <= answer.rank <= above[1]


def test_attention_rows_add_to_one_and_see_nothing_ahead(case: Case) -> None:
    reading = read_node(case.model, case.task, "a1.h2", 0)
    pattern = np.array(reading.attention)
    assert pattern.shape == (len(reading.tokens),) * 2
    assert np.allclose(pattern.sum(1), 1, atol=1e-5)
    assert np.allclose(np.triu(pattern, 1), 0)
    assert read_node(case.model, case.task, "m0" if case.slow.mlps else "input", 0).attention is None


def test_wrong_nodes_and_prompts_are_told(demo: Case) -> None:
    with pytest.raises(InputError, match="There is no node"):
        read_node(demo.model, demo.task, "a9.h9")
    with pytest.raises(InputError, match="numbered from 0"):
        read_node(demo.model, demo.task, "m0", 99)
    assert torch.is_grad_enabled()
