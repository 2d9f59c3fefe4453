"""Nodes that are made to write something else, against the slow path."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference
from torch import Tensor

from circuitviz.discovery import discover, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, IntervenedCircuit, explain_change_steps
from circuitviz.graph import Circuit, Intervention, parse_positions
from circuitviz.progress import run_to_completion


def _slow(case: Case, circuit: Circuit, changed: dict[str, Intervention]) -> Tensor:
    """Logit difference per prompt, every sender's output replaced as methods.md says, one by one."""
    at, corrupted = case.task.lengths - 1, case.slow_ablation("corrupted")
    here = torch.arange(case.task.clean.shape[1])[None]

    def change(name: str, value: Tensor) -> Tensor:
        if name not in changed:
            return value
        what = changed[name]
        other = what.amount * value if what.value == "scale" else case.slow_ablation(what.value)[name]
        if not what.positions:
            return other
        there = torch.zeros(value.shape[:2], dtype=torch.bool)
        for place in what.positions:
            there |= here == (place if place >= 0 else at[:, None] + 1 + place)
        return torch.where(there[..., None], other, value)

    graph = case.model.graph
    out = set(graph.edge_names(graph.mask & ~circuit.edges))
    logits, _ = case.slow.run(case.task.clean, at, corrupted, out, changed=change)
    return logit_difference(logits, case.task.correct, case.task.incorrect)


CHANGES = [
    Intervention("scale", 0.0),
    Intervention("scale", 0.5),
    Intervention("scale", -1.0, (-1,)),
    Intervention("zero"),
    Intervention("corrupted", positions=(1, -2)),
    Intervention("corrupted"),
    Intervention("mean"),
    Intervention("mean-positional", positions=(2, 3)),
]


@pytest.mark.parametrize("share", [0.15, 0.7, 1.0])
def test_replaced_outputs_are_the_slow_paths(case: Case, share: float) -> None:
    graph, random = case.model.graph, np.random.default_rng(3)
    edges = graph.mask & (random.random(graph.mask.shape) < share)
    circuit = Circuit(graph, edges, int(edges.sum()))
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"), allow_interventions=True)
    heads = not any(layer.post_norm is not None for layer in case.model.layers)
    names = [n for n in graph.senders[1:] if heads or n.startswith("m")]
    for what in CHANGES:
        chosen = random.choice(names, 2, replace=False).tolist()
        changed = dict.fromkeys(chosen, what)
        found = run_to_completion(bench.evaluate(circuit, changed)).per_prompt["circuit"]
        assert found == pytest.approx(_slow(case, circuit, changed).numpy(), abs=2e-4), (what, chosen)


def test_a_node_changed_back_is_unchanged(demo: Case) -> None:
    """The kept run restarts at the changed node; what it then gives is a fresh run's, exactly."""
    circuit = discover(demo.model, demo.task, "eap").greedy(300)
    where = make_setting(demo.model, demo.task)
    bench = FaithfulnessBench(where, allow_interventions=True)
    first = run_to_completion(bench.evaluate(circuit)).circuit
    changed = {"a1.h2": Intervention("scale", 0.0), "m2": Intervention("mean")}
    other = run_to_completion(bench.evaluate(circuit, changed)).circuit
    assert (
        other
        == run_to_completion(
            FaithfulnessBench(where, allow_interventions=True).evaluate(circuit, changed)
        ).circuit
        != first
    )
    assert run_to_completion(bench.evaluate(circuit)).circuit == first
    assert first == pytest.approx(
        run_to_completion(FaithfulnessBench(where).evaluate(circuit)).circuit, abs=1e-5
    )


def test_what_changed_is_prompt_by_prompt_and_head_by_head(demo: Case) -> None:
    circuit = discover(demo.model, demo.task, "eap").greedy(300)
    bench = FaithfulnessBench(make_setting(demo.model, demo.task, "logit-diff"), allow_interventions=True)
    after = IntervenedCircuit(circuit.ablate(["a2.h6"]), {"m3": Intervention("scale", 0.0)})
    found = run_to_completion(explain_change_steps(bench, IntervenedCircuit(circuit), after))
    was, now = _slow(demo, circuit, {}), _slow(demo, after.circuit, dict(after.interventions))
    assert found.before == pytest.approx(float(was.mean()), abs=1e-4)
    assert found.after == pytest.approx(float(now.mean()), abs=1e-4)
    moved = (now - was).abs()
    assert found.prompts[0].prompt == int(moved.argmax())
    for prompt in found.prompts:
        assert prompt.after == pytest.approx(float(now[prompt.prompt]), abs=1e-4)
        assert len(prompt.top_after) == 5 and sum(p for _, p in prompt.top_after) <= 1
    assert "a2.h6" not in {head.node for head in found.heads} and found.heads
    for head in found.heads[:2]:
        edge = {f"{head.node}->logits"}
        lost = _slow(demo, after.circuit.ablate(edges=edge), dict(after.interventions))
        assert head.after == pytest.approx(float((now - lost).mean()), abs=2e-4)


def test_what_cannot_be_changed_is_told(demo: Case) -> None:
    bench = FaithfulnessBench(make_setting(demo.model, demo.task), allow_interventions=True)
    full = Circuit.full(demo.model.graph)
    for name in ("input", "logits"):
        with pytest.raises(InputError, match=f"{name} cannot be changed; only the outputs of heads and MLPs"):
            run_to_completion(bench.evaluate(full, {name: Intervention("zero")}))
    for action in ("set", "add"):  # those of one prompt's nodes, and of a model that writes on
        with pytest.raises(InputError, match=f"by '{action}' over a task's prompts; scale"):
            run_to_completion(bench.evaluate(full, {"a0.h1": Intervention(action, 2.0)}))
    with pytest.raises(InputError, match="no value 'noise'"):
        Intervention("noise")
    with pytest.raises(InputError, match="scaled by nan"):
        Intervention("scale", float("nan"))
    with pytest.raises(InputError, match="'x' is no position"):
        parse_positions("1, x")
    assert parse_positions(" 3; −1, 0,3") == (-1, 0, 3)
