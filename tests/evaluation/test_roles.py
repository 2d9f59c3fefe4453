"""The standard tests of roles, each against a slow computation of its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case, make_case
from slow_path import SlowModel, logit_difference

from circuitviz.discovery import make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, MeasureInput, measure_steps
from circuitviz.evaluation.roles import RoleTestContext, head_names, head_percentile, role_tests
from circuitviz.evaluation.roles.direct_attribution import direct_logit_attributions
from circuitviz.evaluation.roles.repeated_tokens import repeated_tokens
from circuitviz.graph import Circuit
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task

LOOKS = {"previous-token": (1, 0), "duplicate-token": (0, 0), "induction": (-1, 0)}


def probe_of(case: Case, **more: Any) -> RoleTestContext:
    return RoleTestContext(make_setting(case.model, case.task), **more)


@pytest.mark.parametrize("name", ["demo", "stories", "neox", "gemma2"])
def test_attention_on_repeated_tokens(name: str) -> None:
    case = make_case(name)
    probe = probe_of(case, length=6, seed=2)
    tokens, first, length = repeated_tokens(case.model, 2, 6)
    assert length == 6 and tokens.shape[1] == first + 12
    assert torch.equal(tokens[:, first : first + 6], tokens[:, first + 6 :])
    assert all(len(set(row[first : first + 6].tolist())) == 6 for row in tokens)
    with torch.no_grad():
        patterns = case.slow.hf(tokens, output_attentions=True).attentions
    for role in ("previous-token", "duplicate-token", "induction"):
        found = run_to_completion(role_tests.get(role).value(probe))
        assert found.shape == (len(head_names(case.model)), len(tokens))
        for number, head in enumerate(head_names(case.model)):
            layer, at = (int(x) for x in head[1:].split(".h"))
            for row in (0, 7):
                weights = []
                for t in range(first + 1, first + 12):
                    if role == "previous-token":
                        weights.append(patterns[layer][row, at, t, t - 1])
                    elif t >= first + 6:
                        back = t - 6 if role == "duplicate-token" else t - 5
                        weights.append(patterns[layer][row, at, t, back])
                slow = float(sum(weights) / len(weights))
                assert found[number, row] == pytest.approx(slow, abs=2e-5)


@pytest.mark.parametrize(("role", "sign"), [("name-mover", 1), ("negative-name-mover", -1)])
@torch.no_grad()
def test_copying_score(demo: Case, role: str, sign: int) -> None:
    found = run_to_completion(role_tests.get(role).value(probe_of(demo)))
    hf, slow, task = demo.slow.hf, demo.slow, demo.task
    states = hf(task.clean, output_hidden_states=True).hidden_states[1]
    for head in ("a0.h2", "a2.h6", "a3.h5", "a3.h7", "a1.h4"):
        layer, at = (int(x) for x in head[1:].split(".h"))
        block = slow.blocks[layer]
        weight, bias = slow._projection(block, "v", at)
        for row in range(len(task)):
            hits = []
            names = {int(task.correct[row, 0]), int(task.incorrect[row, 0])}
            for t in range(int(task.lengths[row])):
                if int(task.clean[row, t]) in names:
                    value = block.ln_1(states[row, t]) @ weight + bias
                    logits = hf.lm_head(slow.body.ln_f(sign * value @ slow._output(block, at)))
                    hits.append(int(task.clean[row, t]) in logits.argsort(descending=True)[:5].tolist())
            assert len(hits) == 3
            number = head_names(demo.model).index(head)
            assert found[number, row] == pytest.approx(sum(hits) / 3, abs=1e-9)


def slow_direct(slow: SlowModel, task: Task, held: dict[str, torch.Tensor] | None = None) -> dict[str, Any]:
    """Shares of the logit difference with the final scale held: what is linear in the head's output."""
    read: dict[str, torch.Tensor] = {}
    slow.run(task.clean, task.lengths - 1, held=held, read=read)
    outs = slow.run(task.clean, task.lengths - 1, held=held)[1]
    at = torch.arange(len(task)), task.lengths - 1
    final = read["logits"][at]
    norm, unembed = slow.body.ln_f, slow.hf.get_output_embeddings().weight
    scale = (final - final.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True).add(norm.eps).sqrt()

    def share(out: torch.Tensor) -> torch.Tensor:
        written = out[at]
        written = (written - written.mean(-1, keepdim=True)) / scale * norm.weight
        return logit_difference(written @ unembed.T, task.correct, task.incorrect)

    return {name: share(out).detach().numpy() for name, out in outs.items() if ".h" in name}


def test_direct_effects_and_backup(demo: Case) -> None:
    names, movers = head_names(demo.model), ("a2.h6", "a2.h3", "a3.h5")
    before = slow_direct(demo.slow, demo.task)
    assert direct_logit_attributions(demo.model, demo.task) == pytest.approx(
        np.stack([before[n] for n in names]), abs=1e-4
    )
    corrupted = demo.slow_outputs()[3]
    after = slow_direct(demo.slow, demo.task, {n: corrupted[n] for n in movers})
    found = run_to_completion(
        role_tests.get("backup-name-mover").value(probe_of(demo, labelled_name_movers=movers))
    )
    for number, name in enumerate(names):
        if name in movers:
            assert np.isnan(found[number]).all()
        else:
            assert found[number] == pytest.approx(after[name] - before[name], abs=1e-4)


def test_a_model_whose_heads_are_known_by_construction() -> None:
    """a0.h1 is its previous-token head, a1.h2 names the word, a2.h0 steps in where a1.h2 is zero."""
    model = load_model("backup")
    task = load_task("backup", model, 24)

    def scores(role: str, ablation: str) -> dict[str, float]:
        probe = RoleTestContext(make_setting(model, task, None, ablation), ("a1.h2",), length=5)
        found = run_to_completion(role_tests.get(role).value(probe)).mean(axis=1)
        return dict(zip(head_names(model), found, strict=True))

    looks, copies = scores("previous-token", "zero"), scores("name-mover", "zero")
    assert looks.pop("a0.h1") == pytest.approx(1.0, abs=1e-6) and max(looks.values()) < 0.5
    assert {name for name, score in copies.items() if score > 0} == {"a1.h2", "a2.h0"}
    zero, silent = scores("backup-name-mover", "zero"), scores("backup-name-mover", "corrupted")
    assert np.isnan(zero.pop("a1.h2")) and zero.pop("a2.h0") > 5
    assert max(map(abs, zero.values())) < 1e-4 and abs(silent["a2.h0"]) < 1e-4


def test_movers_are_those_named_or_those_that_write_the_answer(demo: Case) -> None:
    before = slow_direct(demo.slow, demo.task)
    best = sorted(before, key=lambda name: -before[name].mean())[:3]
    assert list(probe_of(demo).name_movers) == best
    assert probe_of(demo, labelled_name_movers=("a0.h1",)).name_movers == ("a0.h1",)
    with pytest.raises(InputError, match="labelled as a name mover"):
        _ = probe_of(demo, labelled_name_movers=("m1",)).name_movers


@torch.no_grad()
def test_s_inhibition_is_the_direct_path_to_the_movers_queries(demo: Case) -> None:
    movers, slow, task = ("a2.h6", "a3.h5", "a3.h1"), demo.slow, demo.task
    read: dict[str, torch.Tensor] = {}
    slow.run(task.clean, task.lengths - 1, read=read)
    _, clean, _, corrupted = demo.slow_outputs()

    def preference(mover: str, change: torch.Tensor | float) -> list[float]:
        layer, head = (int(x) for x in mover[1:].split(".h"))
        block, found = slow.blocks[layer], []
        (wq, bq), (wk, bk) = (slow._projection(block, c, head) for c in "qk")
        query = block.ln_1(read[f"{mover}<q>"] + change) @ wq + bq
        key = block.ln_1(read[f"{mover}<k>"]) @ wk + bk
        for row in range(len(task)):
            end = int(task.lengths[row]) - 1
            weights = (query[row, end] @ key[row, : end + 1].T / slow.size**0.5).softmax(-1)
            right, wrong = int(task.correct[row, 0]), int(task.incorrect[row, 0])
            signs = [(t == right) - (t == wrong) for t in task.clean[row, : end + 1].tolist()]
            found.append(sum(float(w) * s for w, s in zip(weights, signs, strict=True)))
        return found

    found = run_to_completion(
        role_tests.get("s-inhibition").value(probe_of(demo, labelled_name_movers=movers))
    )
    names = head_names(demo.model)
    for head in ("a0.h5", "a1.h1", "a2.h4", "a2.h6"):
        later = [m for m in movers if int(m[1]) > int(head[1])]
        falls = [np.subtract(preference(m, 0.0), preference(m, corrupted[head] - clean[head])) for m in later]
        assert found[names.index(head)] == pytest.approx(np.mean(falls, axis=0), abs=2e-5)
    assert np.isnan(found[names.index("a3.h5")]).all()


def test_the_table_says_what_cannot_be_tested_and_ranks_the_rest(demo: Case) -> None:
    task = load_task("sva", demo.model, 8)
    bench = FaithfulnessBench(make_setting(demo.model, task))
    circuit = Circuit(demo.model.graph, demo.model.graph.mask)
    steps = measure_steps("roles", MeasureInput(bench, circuit), length=6)
    partial = [step.partial for step in steps if step.partial is not None]
    table = run_to_completion(measure_steps("roles", MeasureInput(bench, circuit), length=6)).as_dict()
    assert len(partial) == 4 and set(table["missing"]) == {
        "name-mover",
        "negative-name-mover",
        "s-inhibition",
    }
    assert "no name that a head could copy" in table["missing"]["name-mover"]
    assert table["weights"] == demo.model.weight_hash and table["task"] == task.hash
    scores = table["roles"]["previous-token"]["scores"]
    order = sorted(scores, key=scores.get)
    assert head_percentile(scores, order[0]) == 0.0 and head_percentile(scores, order[-1]) == 100.0
    assert head_percentile({"a": 1.0, "b": 1.0, "c": None}, "a") == 50.0
    assert head_percentile({"a": 1.0, "c": None}, "c") is None
