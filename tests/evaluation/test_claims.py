"""Claims are measured as defined, and the interval alone decides the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference

from circuitviz.discovery import make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps, claim_tests
from circuitviz.evaluation.claims.registry import negated, verdict_at_least, verdict_near_zero
from circuitviz.graph import Interval
from circuitviz.options import build_options
from circuitviz.progress import run_to_completion
from circuitviz.tasks import load_task
from circuitviz.tasks.counterfactuals import counterfactual_task, counterfactuals, list_counterfactuals


def claimed(case: Case, *nodes: str, edges: tuple[str, ...] = ()) -> ClaimSubject:
    return ClaimSubject(make_setting(case.model, case.task), nodes, edges)


@pytest.mark.parametrize("nodes", [("a2.h6",), ("m0",), ("a2.h6", "a2.h3")])
@pytest.mark.parametrize("name", ["paired", "order-swapped", "names-replaced"])
def test_answer_is_an_interchange_of_the_nodes_output(demo: Case, nodes: tuple[str, ...], name: str) -> None:
    found = run_to_completion(
        claim_test_steps("answer", claimed(demo, *nodes), counterfactual=name, prompts=5)
    )
    pairs = counterfactual_task(name, demo.model, demo.task, 5)
    at = pairs.lengths - 1
    clean, _ = demo.slow.run(pairs.clean, at)
    other, outs = demo.slow.run(pairs.corrupted, at)
    patched, _ = demo.slow.run(pairs.clean, at, held={n: outs[n] for n in nodes})
    before, after, whole = (
        logit_difference(x, pairs.correct, pairs.incorrect).detach().numpy() for x in (clean, patched, other)
    )
    assert found.effect.value == pytest.approx((before.mean() - after.mean()) / abs(before.mean()), abs=1e-4)
    assert found.extra_numbers["counterfactual"] == pytest.approx(whole.mean(), abs=1e-4)
    assert found.extra_numbers["flipped"] == np.mean(np.sign(before) != np.sign(after))
    assert (found.prompts, found.prompts_hash) == (5, pairs.hash)


def test_an_edge_is_patched_alone(demo: Case) -> None:
    edge = "m0->a2.h6<q>"
    found = run_to_completion(claim_test_steps("answer", claimed(demo, edges=(edge,))))
    at = demo.task.lengths - 1
    clean, _, _, outs = demo.slow_outputs()
    patched, _ = demo.slow.run(demo.task.clean, at, ablated=outs, out={edge})
    before, after = (
        logit_difference(x, demo.task.correct, demo.task.incorrect).mean().item() for x in (clean, patched)
    )
    assert found.effect.value == pytest.approx((before - after) / abs(before), abs=1e-4)


@torch.no_grad()
def test_a_heads_own_attention_is_read_on_both_prompts(demo: Case) -> None:
    options = {"counterfactual": "name-swapped", "key": "IO", "expect": "falls", "prompts": 6}
    found = run_to_completion(claim_test_steps("attention", claimed(demo, "a2.h6"), **options))
    pairs = counterfactual_task("name-swapped", demo.model, demo.task, 6)
    weights = []
    for tokens in (pairs.clean, pairs.corrupted):
        pattern = demo.slow.hf(tokens, output_attentions=True).attentions[2]
        rows = []
        for row in range(6):
            end, answer = int(pairs.lengths[row]) - 1, int(pairs.correct[row, 0])
            place = pairs.clean[row].tolist().index(answer)
            rows.append(float(pattern[row, 6, end, place]))
        weights.append(np.mean(rows))
    assert found.effect.value == pytest.approx(weights[1] - weights[0], abs=1e-5)
    assert found.verdict == "holds" and found.effect.value < -0.3


@torch.no_grad()
def test_other_heads_attention_is_read_with_the_output_patched(demo: Case) -> None:
    options = {"heads": "a2.h6,a3.h5", "key": "S2", "expect": "rises", "prompts": 6}
    found = run_to_completion(claim_test_steps("attention", claimed(demo, "m0"), **options))
    task, slow = demo.task, demo.slow
    at = task.lengths - 1
    _, _, _, outs = demo.slow_outputs()
    values = []
    for held in (None, {"m0": outs["m0"]}):
        read: dict[str, torch.Tensor] = {}
        slow.run(task.clean, at, held=held, read=read)
        for name in ("a2.h6", "a3.h5"):
            layer, head = (int(x) for x in name[1:].split(".h"))
            block = slow.blocks[layer]
            (wq, bq), (wk, bk) = (slow._projection(block, c, head) for c in "qk")
            query = block.ln_1(read[f"{name}<q>"]) @ wq + bq
            key = block.ln_1(read[f"{name}<k>"]) @ wk + bk
            for row in range(len(task)):
                end = int(at[row])
                weights = (query[row, end] @ key[row, : end + 1].T / slow.size**0.5).softmax(-1)
                subject = int(task.incorrect[row, 0])
                second = [t for t in range(end) if int(task.clean[row, t]) == subject][1]
                values.append(float(weights[second]))
    half = len(values) // 2
    assert found.effect.value == pytest.approx(np.mean(values[half:]) - np.mean(values[:half]), abs=1e-5)


def test_a_roles_test_is_evidence_with_a_percentile(demo: Case) -> None:
    found = run_to_completion(
        claim_test_steps("role", claimed(demo, "a0.h5"), role="previous-token", length=8, least=0.1)
    )
    assert found.verdict == "holds" and found.extra_numbers["percentile"] > 90 and found.prompts == 16
    again = run_to_completion(
        claim_test_steps("role", claimed(demo, "a0.h5"), role="previous-token", length=8)
    )
    assert again.effect == found.effect and again.verdict == "fails"  # 0.4 is what is usual
    other = run_to_completion(
        claim_test_steps("role", claimed(demo, "a0.h5"), role="previous-token", length=8, seed=1)
    )
    assert other.prompts_hash != found.prompts_hash == again.prompts_hash
    with pytest.raises(InputError, match="test is of heads"):
        run_to_completion(claim_test_steps("role", claimed(demo, "m0")))


@pytest.mark.parametrize(
    ("effect", "least", "far", "near"),
    [
        (Interval(0.5, 0.3, 0.7), 0.2, "holds", "fails"),
        (Interval(0.5, 0.1, 0.7), 0.2, "undecided", "undecided"),
        (Interval(0.1, 0.05, 0.15), 0.2, "fails", "holds"),
        (Interval(-0.5, -0.6, -0.4), 0.2, "fails", "fails"),
        (Interval(0.5), 0.2, "holds", "fails"),
        (Interval(None), 0.2, "undecided", "undecided"),
    ],
)
def test_the_interval_decides(effect: Interval, least: float, far: str, near: str) -> None:
    assert verdict_at_least(effect, least) == far and verdict_near_zero(effect, least) == near
    assert negated(negated(effect)) == effect
    if effect.value == -0.5:
        assert verdict_at_least(negated(effect), least) == "holds"


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("name-swapped", 1), ("order-swapped", 2), ("third-name", 1), ("names-replaced", 3)],
)
def test_ioi_counterfactuals_differ_in_one_thing(demo: Case, name: str, tokens: int) -> None:
    pairs = counterfactual_task(name, demo.model, demo.task, 12, 1)
    assert ((pairs.clean != pairs.corrupted).sum(1) == tokens).all()
    for row, pair in enumerate(pairs.pairs):
        assert (
            pairs.resolve_position(row, "S1") < pairs.resolve_position(row, "S2")
            if name != "names-replaced"
            else True
        )
        assert pair.corrupted.count(pair.incorrect[0]) == (2 if name in ("order-swapped",) else 1)
    moved = name in ("name-swapped", "names-replaced")
    answers = demo.model.logits(pairs.corrupted, pairs.lengths - 1)
    side = logit_difference(answers, pairs.correct, pairs.incorrect).mean()
    low, high = (-99, -2) if moved else (2, 99) if name == "order-swapped" else (-2, 2)
    assert low < side < high


@pytest.mark.parametrize("task", ["greater-than", "sva", "gender"])
def test_other_counterfactuals_change_one_word_and_the_answer_as_they_say(demo: Case, task: str) -> None:
    base = load_task(task, demo.model, 12)
    names = list_counterfactuals(task)
    assert len(names) == 3
    for name in names[1:]:
        pairs = counterfactual_task(name, demo.model, base, 12)
        assert ((pairs.clean != pairs.corrupted).sum(1) == 1).all()
        values = [
            make_setting(demo.model, pairs)
            .compute_metric(demo.model.logits(x, pairs.lengths - 1), pairs)
            .mean()
            for x in (pairs.clean, pairs.corrupted)
        ]
        stays = "stays" in counterfactuals.get(name).summary
        assert (values[1] > 0.7 * values[0]) == stays, (name, values)


def test_pairs_of_a_file_and_wrong_names(demo: Case, tmp_path: Path) -> None:
    pair = demo.task.pairs[0]
    row = {
        "clean": pair.clean,
        "corrupted": pair.corrupted,
        "correct": pair.correct[0],
        "incorrect": pair.incorrect[0],
    }
    (tmp_path / "mine.jsonl").write_text(json.dumps(row))
    found = run_to_completion(
        claim_test_steps("answer", claimed(demo, "a2.h6"), counterfactual=str(tmp_path / "mine.jsonl"))
    )
    assert found.prompts == 1 and found.effect.low is None
    with pytest.raises(InputError, match="Did you mean 'name-swapped'"):
        counterfactual_task("name-swaped", demo.model, demo.task)
    with pytest.raises(InputError, match="no counterfactual 'year-shifted' for the task 'ioi'"):
        counterfactual_task("year-shifted", demo.model, demo.task)
    with pytest.raises(InputError, match="names no position"):
        run_to_completion(claim_test_steps("attention", claimed(demo, "a2.h6"), key="S3"))
    with pytest.raises(InputError, match="is no head"):
        run_to_completion(claim_test_steps("attention", claimed(demo, "m0")))
    with pytest.raises(InputError, match="writes nothing"):
        run_to_completion(claim_test_steps("answer", claimed(demo, "logits")))


def test_places_have_names(demo: Case) -> None:
    task = demo.task
    row = task.prompt_strings(0)
    assert task.resolve_position(0, "END") == len(row) - 1 and task.resolve_position(0, "-2") == len(row) - 2
    assert row[task.resolve_position(0, "IO")] == task.pairs[0].correct[0]
    assert (
        row[task.resolve_position(0, "S2")]
        == row[task.resolve_position(0, "S1")]
        == task.pairs[0].incorrect[0]
    )
    assert task.resolve_position(0, "s1+1") == task.resolve_position(0, "S1") + 1
    with pytest.raises(InputError, match="no position '99'"):
        task.resolve_position(0, "99")


def test_every_kind_of_claim_can_say_itself() -> None:
    for entry in claim_tests.entries():
        said = entry.extra["says"](build_options(entry.options, {}))
        assert len(said) > 10 and said[0].islower()
