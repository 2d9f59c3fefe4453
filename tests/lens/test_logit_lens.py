"""Heat maps' numbers against the slow path: lens over layers and positions, attention, attribution, OV, QK."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import Case

from circuitviz.errors import InputError
from circuitviz.lens import direct_logit_attribution_steps, read_head, read_layer_attention, read_lens_grid
from circuitviz.lens.direct_logits import rank_rows, rank_tokens
from circuitviz.progress import run_to_completion


def final_norm(case: Case) -> torch.nn.Module:
    body = case.slow.body
    return body.ln_f if case.slow.gpt2 else body.final_layer_norm if case.slow.neox else body.norm


def unembedded(case: Case, stream: torch.Tensor) -> torch.Tensor:
    logits = case.slow.hf.get_output_embeddings()(final_norm(case)(stream))
    cap = getattr(case.slow.hf.config, "final_logit_softcapping", None)
    return logits if cap is None else torch.tanh(logits / cap) * cap


def streams(case: Case, outs: dict[str, torch.Tensor], tokens: torch.Tensor) -> list[torch.Tensor]:
    """The residual stream before every layer and after the last, summed sender by sender."""
    slow = case.slow
    found = [slow._positions(tokens) + outs["input"]]
    for layer, block in enumerate(slow.blocks):
        wrote = sum(outs[f"a{layer}.h{h}"] for h in range(slow.heads))
        if slow.mlps:
            wrote = wrote + outs[f"m{layer}"]
        bias = 0 if slow.gemma else slow._output_bias(block)
        found.append(found[-1] + wrote + bias)
    return found


def direct(case: Case, out: torch.Tensor, final: torch.Tensor) -> torch.Tensor:
    """Share of the logits: the normalisation is linear once its scale at ``final`` is known."""
    norm, slow = final_norm(case), case.slow
    if isinstance(norm, torch.nn.Identity):
        return out @ slow.hf.get_output_embeddings().weight.T
    centred = slow.gpt2 or slow.neox
    spread = final - final.mean(-1, keepdim=True) if centred else final
    scale = (spread.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
    out = out - out.mean(-1, keepdim=True) if centred else out
    return out / scale * norm.weight @ slow.hf.get_output_embeddings().weight.T


def same_tokens(found: list, logits: torch.Tensor, tolerance: float = 1e-3) -> None:
    """The first tokens' logits, in order, with their probabilities."""
    best = logits.topk(len(found)).values
    assert [t.logit for t in found] == pytest.approx(best.tolist(), abs=tolerance, rel=1e-4)
    shares = logits.softmax(-1).topk(len(found)).values
    assert [t.probability for t in found] == pytest.approx(shares.tolist(), abs=1e-4)


@torch.no_grad()
def test_the_lens_of_the_stream_is_the_models_own_end_on_every_stream(case: Case) -> None:
    task = case.task.subset([1])
    tokens = task.clean[:, : int(task.lengths[0])]
    _, outs = case.slow.run(tokens, task.lengths - 1)
    grid = read_lens_grid(case.model, case.task, "", 1, top=5)
    assert len(grid.cells) == len(case.slow.blocks) + 1
    assert grid.tokens == case.task.prompt_strings(1)
    for row, stream in zip(grid.cells, streams(case, outs, tokens), strict=True):
        logits = unembedded(case, stream)[0]
        assert len(row) == len(logits)
        for cell, one in zip(row, logits, strict=True):
            same_tokens(cell.top, one)
            for answer in cell.answers:  # two logits may be nearer than float32 can tell
                above = [int((one > answer.logit + by).sum()) for by in (1e-3, -1e-3)]
                assert above[0] <= answer.rank <= above[1]
            right, wrong = (one[ids[0][ids[0] >= 0]] for ids in (task.correct, task.incorrect))
            above = [int((one > right.max() + by).sum()) for by in (1e-3, -1e-3)]
            assert above[0] <= cell.rank <= above[1]
            assert cell.logit_diff == pytest.approx(float(right.mean() - wrong.mean()), abs=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("node", ["input", "a1.h2"])
def test_the_lens_of_a_node_is_its_share_at_every_position(case: Case, node: str) -> None:
    task = case.task.subset([0])
    tokens = task.clean[:, : int(task.lengths[0])]
    _, outs = case.slow.run(tokens, task.lengths - 1)
    grid = read_lens_grid(case.model, case.task, node, 0, top=5)
    assert grid.rows == grid.nodes == [node]
    final = streams(case, outs, tokens)[-1]
    for cell, logits in zip(grid.cells[0], direct(case, outs[node], final)[0], strict=True):
        same_tokens(cell.top, logits)


@torch.no_grad()
def test_attribution_of_every_node_and_prompt(case: Case) -> None:
    slow, at = case.slow, case.task.lengths - 1
    _, outs = slow.run(case.task.clean, at)
    final = streams(case, outs, case.task.clean)[-1]
    rows = torch.arange(len(at))
    found = run_to_completion(direct_logit_attribution_steps(case.model, case.task))
    assert found.values.shape == (len(outs), len(case.task))
    for name, out in outs.items():
        logits = direct(case, out[rows, at], final[rows, at])
        wanted = [
            float(row[right[right >= 0]].mean() - row[wrong[wrong >= 0]].mean())
            for row, right, wrong in zip(logits, case.task.correct, case.task.incorrect, strict=True)
        ]
        assert found.values[found.names.index(name)] == pytest.approx(wanted, abs=2e-4, rel=1e-3)
    assert found.mean == pytest.approx(found.values.mean(1))
    one = run_to_completion(direct_logit_attribution_steps(case.model, case.task, [2]))
    assert one.values[:, 0] == pytest.approx(found.values[:, 2], abs=1e-4)


def head_parts(case: Case, tokens: torch.Tensor, layer: int, head: int) -> tuple[torch.Tensor, ...]:
    """Query, key and value [time, e] of a head, before rotary embeddings; outputs of all."""
    slow, read = case.slow, {}
    _, outs = slow.run(tokens, torch.tensor([tokens.shape[1] - 1]), read=read)
    block, shared = slow.blocks[layer], head // (slow.heads // slow.kv)
    norm = block.ln_1 if slow.gpt2 else block.input_layernorm
    mark = "h" if slow.kv == slow.heads else "kv"
    found = []
    for channel in "qkv":
        number = head if channel == "q" else shared
        weight, bias = slow._projection(block, channel, number)
        name = f"a{layer}.{'h' if channel == 'q' else mark}{number}<{channel}>"
        found.append((norm(read[name]) @ weight + bias)[0])
    return (*found, outs)


@torch.no_grad()
def test_attention_of_a_layer_clean_corrupted_and_weighted(case: Case) -> None:
    task = case.task.subset([0])
    length = int(task.lengths[0])
    found = read_layer_attention(case.model, case.task, 1, 0)
    assert found.corrupted_tokens == case.task.prompt_strings(0, corrupted=True)
    carried = {}
    for side, tokens in (("clean", task.clean), ("corrupted", task.corrupted)):
        maps = found.patterns(side)
        assert maps.shape == (case.slow.heads, length, length)
        assert np.allclose(maps.sum(-1), 1, atol=1e-5) and np.allclose(np.triu(maps[2], 1), 0)
        query, key, value, outs = head_parts(case, tokens[:, :length], 1, 2)
        pattern = torch.from_numpy(maps[2]).double()
        made = pattern @ value @ case.slow._output(case.slow.blocks[1], 2)
        wanted = outs["a1.h2"][0]
        if case.slow.gemma:  # its outputs are shares of the normalised sum
            made, wanted = made / made.norm(dim=-1, keepdim=True), wanted
            post = case.slow.blocks[1].post_attention_layernorm.weight
            made = made * post
            wanted = wanted / wanted.norm(dim=-1, keepdim=True) * made.norm(dim=-1, keepdim=True)
        assert torch.allclose(made, wanted, atol=1e-4)
        if case.slow.gpt2:  # written out once more, where no rotary embedding turns them
            scores = (query @ key.T) / query.shape[-1] ** 0.5
            ahead = torch.ones(length, length, dtype=torch.bool).triu(1)
            assert torch.allclose(pattern, scores.masked_fill(ahead, -np.inf).softmax(-1), atol=1e-5)
        carried[side] = pattern * value.norm(dim=-1)[None]
    scale = carried["clean"].max()
    for side in ("clean", "corrupted"):
        assert found.patterns(side, weighted=True)[2] == pytest.approx(
            (carried[side] / scale).numpy(), abs=1e-5
        )
    difference = ((carried["clean"] - carried["corrupted"]) / scale).numpy()
    assert found.patterns("difference", weighted=True)[2] == pytest.approx(difference, abs=1e-5)
    assert np.array_equal(found.patterns("difference"), found.patterns("clean") - found.patterns("corrupted"))


@torch.no_grad()
def test_what_a_head_writes_adds_up_to_its_direct_logits(case: Case) -> None:
    task, slow = case.task.subset([0]), case.slow
    tokens = task.clean[:, : int(task.lengths[0])]
    _, _, value, outs = head_parts(case, tokens, 1, 2)
    final = streams(case, outs, tokens)[-1]
    reading = read_head(case.model, case.task, "a1.h2", 0)
    whole = direct(case, outs["a1.h2"], final)[0, -1]
    ids = torch.cat([task.correct[0], task.incorrect[0]]).tolist()
    for number in (i for i in ids if i >= 0):
        text = case.model.tokens.token_strings([number])[0]
        at = [next(t.logit for t in cells if t.token == text) for cells in reading.answer_logits]
        assert sum(w * x for w, x in zip(reading.attention, at, strict=True)) == pytest.approx(
            float(whole[number]), abs=1e-3
        )
    if not slow.gemma:
        for position, cells in enumerate(reading.promoted_tokens):
            alone = value[position] @ slow._output(slow.blocks[1], 2)
            same_tokens(cells, direct(case, alone, final[0, -1]))


@torch.no_grad()
def test_what_a_head_matches_is_its_query_with_every_embedding(case: Case) -> None:
    slow, task = case.slow, case.task.subset([0])
    tokens = task.clean[:, : int(task.lengths[0])]
    query, *_ = head_parts(case, tokens, 1, 2)
    block = slow.blocks[1]
    norm = block.ln_1 if slow.gpt2 else block.input_layernorm
    weight, bias = slow._projection(block, "k", 2 // (slow.heads // slow.kv))
    every = torch.arange(slow.hf.get_input_embeddings().weight.shape[0])[None]
    keys = norm(slow._embed(every))[0] @ weight + bias
    size = slow.hf.config.query_pre_attn_scalar if slow.gemma else query.shape[-1]
    scores = query @ keys.T / size**0.5
    for cells, row in zip(read_head(case.model, case.task, "a1.h2", 0).matched_tokens, scores, strict=True):
        same_tokens(cells, row)


def test_what_is_no_such_thing_is_told(demo: Case) -> None:
    with pytest.raises(InputError, match="is not a head"):
        read_head(demo.model, demo.task, "m0")
    with pytest.raises(InputError, match="numbered from 0"):
        read_lens_grid(demo.model, demo.task, "", 99)
    with pytest.raises(InputError, match="Layer 9"):
        read_layer_attention(demo.model, demo.task, 9)
    with pytest.raises(InputError, match="there is clean, corrupted, difference"):
        read_layer_attention(demo.model, demo.task, 0).patterns("both")


@torch.no_grad()
def test_rows_are_ranked_as_each_alone(demo: Case) -> None:
    task = demo.task.subset([0])
    logits = torch.randn(3, demo.model.tokens.vocabulary_size, generator=torch.Generator().manual_seed(0))
    rankings = rank_rows(demo.model, task, logits, 4)
    for row, ranking in zip(logits, rankings, strict=True):
        top, bottom, answers = rank_tokens(demo.model, task, row, 4)
        assert (ranking.top, ranking.bottom, ranking.answers) == (top, bottom, answers)
        same_tokens(top, row)
        assert [token.rank for token in top] == [0, 1, 2, 3]
        assert [token.logit for token in bottom] == row.topk(4, largest=False).values.tolist()
        right = row[task.correct[0][task.correct[0] >= 0]]
        assert ranking.rank == int((row > right.max()).sum())
        assert sorted(answers, key=lambda token: -token.logit) == answers
