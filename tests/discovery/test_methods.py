"""Every method against its definition, written out slowly in the test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import NAMES, Case
from slow_path import logit_difference

from circuitviz.discovery import discover, discover_steps, methods
from circuitviz.errors import InputError
from circuitviz.graph import Scores
from circuitviz.progress import run_to_completion

Outputs = dict[str, torch.Tensor]


def _metric(case: Case, logits: torch.Tensor) -> float:
    return float(logit_difference(logits, case.task.correct, case.task.incorrect).mean())


def _divergence(clean: torch.Tensor, logits: torch.Tensor) -> float:
    p, q = clean.log_softmax(-1), logits.log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


@pytest.mark.parametrize("ablation", ["zero", "mean", "mean-positional"])
def test_exact_effects_under_every_ablation(case: Case, ablation: str) -> None:
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    values = case.slow_ablation(ablation)
    receivers = [graph.receivers[0], graph.receivers[-2], "logits"]
    found = discover(
        case.model, task, "exact", metric="logit-diff", ablation=ablation, receivers=",".join(receivers)
    )
    clean, ours = case.slow.run(task.clean, at)
    whole, largest = _metric(case, clean), 0.0
    for receiver in receivers:
        column, start = graph.receiver_index[receiver], case.slow.first_layer(receiver)
        for sender in np.flatnonzero(graph.mask[:, column])[::3]:
            name = graph.edge_name(int(sender), column)
            logits, _ = case.slow.run(task.clean, at, values, {name}, start=start, known=ours)
            effect = whole - _metric(case, logits)
            assert found.values[sender, column] == pytest.approx(effect, abs=2e-4), name
            largest = max(largest, abs(effect))
    assert largest > 1e-3
    untouched = np.setdiff1d(np.arange(len(graph.receivers)), [graph.receiver_index[r] for r in receivers])
    assert not found.values[:, untouched].any()


@pytest.mark.parametrize(
    ("case", "judge", "absolute"),
    [
        *((name, "kl", False) for name in NAMES),
        *((name, "metric", True) for name in NAMES),
        ("demo", "kl", True),
        ("demo", "metric", False),
    ],
    indirect=["case"],
)
def test_acdc_decides_as_one_edge_at_a_time(case: Case, judge: str, absolute: bool) -> None:
    """The naive algorithm: one slow forward for each edge, each decision seen by the next.

    Nothing before the receiver's layer has lost an edge yet, so the slow forward begins there.
    """
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    clean, ours, _, theirs = case.slow_outputs()
    receivers = graph.receivers
    tau = {"kl": 0.05, "metric": 0.2}[judge]
    found = discover(case.model, task, "acdc", metric="logit-diff", tau=tau, judge=judge, absolute=absolute)
    values, kept = found.values, np.abs(found.values) >= tau
    assert found.info["own"] == tau
    out: set[str] = set()
    current = 0.0 if judge == "kl" else -_metric(case, clean)
    budget = 260  # edges that the slow path walks in seconds
    checked: set[int] = set()
    for receiver in reversed(range(len(receivers))):
        for sender in np.flatnonzero(graph.mask[:, receiver])[::-1]:
            if not budget:
                return
            budget -= 1
            name = graph.edge_name(int(sender), receiver)
            start = case.slow.first_layer(receivers[receiver])
            logits, _ = case.slow.run(task.clean, at, theirs, out | {name}, start=start, known=ours)
            if start not in checked:
                checked.add(start)
                assert torch.equal(logits, case.slow.run(task.clean, at, theirs, out | {name})[0])
            now = _divergence(clean, logits) if judge == "kl" else -_metric(case, logits)
            change = abs(now - current) if absolute else now - current
            assert abs(change - tau) > 1e-4, f"{name} is too near to the threshold to be decided"
            assert (change >= tau) == kept[sender, receiver], name
            if kept[sender, receiver]:
                assert abs(values[sender, receiver]) == pytest.approx(abs(now - current), abs=2e-4)
            if change < tau:
                out.add(name)
                current = now


def test_acdc_keeps_its_own_circuit_and_a_partial_one_has_no_edge_that_was_not_tried(demo: Case) -> None:
    tau, mask = 0.05, demo.model.graph.mask
    scores = discover(demo.model, demo.task, "acdc", tau=tau)
    circuit = scores.select_by_method()
    assert 0 < circuit.n_edges < 200
    steps = discover_steps(demo.model, demo.task, "acdc", tau=tau)
    partial_steps = [next(step for step in steps if step.partial is not None) for _ in range(4)]
    steps.close()
    examined = 0
    for number, step in enumerate(partial_steps, start=1):
        partial, columns = step.partial, mask.shape[1] - number  # receivers go from the logits down
        assert isinstance(partial, Scores) and partial.partial
        assert not partial.values[:, :columns].any()
        assert np.array_equal(partial.values[:, columns:], scores.values[:, columns:])
        kept = (scores.values >= tau) & mask
        kept[:, :columns] = False
        assert np.array_equal(partial.select_by_method().edges & ~kept, np.zeros_like(mask)), (
            "edges that nobody examined"
        )
        examined = int(mask[:, columns:].sum())
    assert f"{examined:,} of {int(mask.sum()):,} edges examined" in partial_steps[-1].message
    assert np.array_equal(
        partial_steps[0].partial.select_by_method().edges[:, -1], scores.values[:, -1] >= tau
    )


def test_what_clean_and_corrupted_prompts_share_is_computed_once(demo: Case) -> None:
    """The corrupted pass goes through an MLP with all positions, the five others with the later ones."""
    positions: list[int] = []
    module = demo.model.hf.transformer.h[2].mlp.c_fc
    handle = module.register_forward_hook(lambda _module, args, _output: positions.append(args[0].shape[1]))
    try:
        discover(demo.model, demo.task, "eap-ig", metric="logit-diff", steps=4)
    finally:
        handle.remove()
    n_positions, first = demo.task.clean.shape[1], demo.task.first_changed_position
    assert first > 0 and positions == [n_positions, *[n_positions - first] * 5]


@pytest.mark.parametrize("name", ["exact", "path-patching", "activation-patching"])
def test_partial_scores_are_means_over_the_prompts_that_were_tried(
    demo: Case, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [discover(demo.model, demo.task.subset([i]), name).values for i in (0, 1)]
    both = (prompts[0] + prompts[1]) / 2
    monkeypatch.setattr(demo.model, "max_batch_prompts", 1)
    steps = discover_steps(demo.model, demo.task.subset([0, 1]), name)
    seen = [step.partial for step in steps if isinstance(step.partial, Scores)]
    chosen = [seen[i] for i in (0, len(seen) // 4, len(seen) // 2, 3 * len(seen) // 4, -2)]
    of_one = of_both = 0
    for partial in chosen:
        values = partial.values
        one, two = (np.isclose(values, wanted, atol=1e-6, rtol=1e-4) for wanted in (prompts[0], both))
        assert (one | two | (values == 0)).all(), "a mean over prompts that were not tried"
        of_one += int((one & ~two & (values != 0)).sum())
        of_both += int((two & ~one & (values != 0)).sum())
    assert of_one and of_both


def _clean_inputs(case: Case) -> dict[str, torch.Tensor]:
    """What every receiver reads in the clean run."""
    inputs: dict[str, torch.Tensor] = {}
    case.slow.run(case.task.clean, case.task.lengths - 1, read=inputs)
    return inputs


@pytest.mark.parametrize("channel", ["q", "k", "v", "m", "logits"])
def test_path_patching_is_its_definition(case: Case, channel: str) -> None:
    """The receivers read the clean stream, but for the sender's change; then they are set to that."""
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    clean, ours, _, theirs = case.slow_outputs()
    kinds = {"m": [r for r in graph.receivers if r[0] == "m"][-2:], "logits": ["logits"]}
    receivers = kinds.get(channel, [r for r in graph.receivers if r.endswith(f"<{channel}>")][-3:-1])
    if not receivers:
        assert not case.slow.mlps
        return
    found = discover(case.model, task, "path-patching", metric="logit-diff", receivers=",".join(receivers))
    inputs, whole, largest = _clean_inputs(case), _metric(case, clean), 0.0
    for row, sender in list(enumerate(graph.senders))[::4]:
        reached = {r for r in receivers if graph.mask[row, graph.receiver_index[r]]}
        if not reached:
            continue
        change = theirs[sender] - ours[sender]
        fixed = {r: inputs[r] + change * (r in reached) for r in receivers}
        effect = whole - _metric(case, case.slow.rerun(task.clean, at, ours, fixed=fixed))
        ours_now = found.values[row, [graph.receiver_index[r] for r in receivers]]
        assert ours_now.sum() == pytest.approx(effect, abs=2e-4), sender
        assert found.info["rounds"][0]["receivers"] == sorted(receivers, key=graph.receivers.index)
        largest = max(largest, abs(effect))
    assert largest > 1e-3


def test_path_patching_through_mlps_recomputes_them(case: Case) -> None:
    """Attention frozen, MLPs computed anew: the input of the logits, written out."""
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    clean, ours, _, theirs = case.slow_outputs()
    found = discover(case.model, task, "path-patching", metric="logit-diff", mlps="recomputed")
    whole, frozen = _metric(case, clean), {n: v for n, v in ours.items() if n[0] == "a"}
    for row, sender in list(enumerate(graph.senders))[::3]:
        held = {**frozen, sender: theirs[sender]}
        logits, _ = case.slow.run(task.clean, at, held=held)
        assert found.values[row, -1] == pytest.approx(whole - _metric(case, logits), abs=2e-4), sender


def test_path_patching_goes_on_from_the_strongest_heads(demo: Case) -> None:
    found = discover(demo.model, demo.task, "path-patching", rounds=2, keep=2, channel="v")
    first, second = found.info["rounds"]
    heads = [name for name, _ in first["senders"] if name.startswith("a")][:2]
    assert set(second["receivers"]) == {f"{head}<v>" for head in heads}
    graph, read = demo.model.graph, {*first["receivers"], *second["receivers"]}
    assert found.examined is not None
    assert np.array_equal(found.examined, graph.mask & [name in read for name in graph.receivers])
    circuit = found.greedy(200)
    assert {name.partition("->")[2] for name in circuit.edge_names} == read
    assert circuit.note == f"only {found.n_examined} of {graph.n_edges:,} edges were examined"
    with pytest.raises(InputError, match="give .logits. alone"):
        discover(demo.model, demo.task, "path-patching", receivers="logits,m1")
    with pytest.raises(InputError, match="no receiver 'a9.h99'"):
        discover(demo.model, demo.task, "path-patching", receivers="a9.h99")


def test_activation_patching_of_nodes_and_positions(case: Case) -> None:
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    clean, ours, _, theirs = case.slow_outputs()
    found = discover(case.model, task, "activation-patching", metric="logit-diff")
    whole, nodes, largest = _metric(case, clean), found.node_scores(), 0.0
    assert found.positions is not None
    for row, sender in list(enumerate(graph.senders))[::3]:
        logits = case.slow.rerun(task.clean, at, ours, held={sender: theirs[sender]})
        effect = whole - _metric(case, logits)
        assert nodes[row] == pytest.approx(effect, abs=2e-4), sender
        largest = max(largest, abs(effect))
        for position in (0, int(at.min()) - 1, int(at.min())):
            mixed = ours[sender].clone()
            mixed[:, position] = theirs[sender][:, position]
            logits = case.slow.rerun(task.clean, at, ours, held={sender: mixed})
            effect = whole - _metric(case, logits)
            assert found.positions[row, position] == pytest.approx(effect, abs=2e-4), (sender, position)
    assert largest > 1e-3
    alone = discover(case.model, task, "activation-patching", metric="logit-diff", positions=False)
    assert alone.positions is None and np.allclose(alone.node_scores(), nodes, atol=1e-5)


def test_attribution_patching_adds_up_to_edges(case: Case) -> None:
    found = discover(case.model, case.task, "attribution-patching", metric="logit-diff")
    eap = discover(case.model, case.task, "eap", metric="logit-diff")
    size = np.abs(found.node_scores()).max()
    assert np.allclose(found.values, eap.values, atol=1e-5 * size)
    assert found.positions is not None
    assert np.allclose(found.positions.sum(axis=1), found.node_scores(), atol=1e-4 * size)


def test_attribution_patching_is_the_derivative_of_holding_a_node(case: Case) -> None:
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    _, ours, _, theirs = case.slow_outputs()
    found = discover(case.model, task, "attribution-patching", metric="logit-diff")
    step, size = 1e-4, np.abs(found.positions).max()
    for row, sender in list(enumerate(graph.senders))[::4]:
        for position in (int(at.min()) - 1, int(at.min())):
            values = []
            for by in (-step, step):
                mixed = ours[sender].clone()
                mixed[:, position] += by * (theirs[sender] - ours[sender])[:, position]
                values.append(_metric(case, case.slow.rerun(task.clean, at, ours, held={sender: mixed})))
            derivative = (values[0] - values[1]) / (2 * step)
            ours_now = found.positions[row, position]
            assert ours_now == pytest.approx(derivative, rel=1e-2, abs=1e-5 * size), (sender, position)


def test_information_flow_routes_are_shares_by_proximity(case: Case) -> None:
    graph, task = case.model.graph, case.task
    found = discover(case.model, task, "information-flow-routes").values
    _, ours, _, _ = case.slow_outputs()
    inputs = _clean_inputs(case)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-6)
    for name in (graph.receivers[0], graph.receivers[-2], "logits"):
        column = graph.receiver_index[name]
        total = np.zeros(len(graph.senders))
        for prompt, length in enumerate(task.lengths.tolist()):
            for position in range(length):
                x = inputs[name][prompt, position]
                near = np.zeros(len(graph.senders))
                for row in np.flatnonzero(graph.mask[:, column]):
                    z = ours[graph.senders[row]][prompt, position]
                    near[row] = max(float(x.abs().sum() - (x - z).abs().sum()), 0)
                total += near / near.sum() / length / len(task)
        assert np.allclose(found[:, column], total, atol=1e-5), name


def test_gradients_at_both_ends_and_on_the_lines_between(case: Case) -> None:
    """clean-corrupted: the mean of EAP at both prompts' gradients, by central differences."""
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    _, ours, _, theirs = case.slow_outputs()
    found = discover(case.model, task, "clean-corrupted", metric="logit-diff").values
    step, size = 1e-4, np.abs(found).max()
    places = np.random.default_rng(3).permutation(np.argwhere(graph.mask))[:12]
    for s, r in places:
        name, derivative = graph.edge_name(int(s), int(r)), 0.0
        for prompts, known in ((task.clean, ours), (task.corrupted, theirs)):
            change = theirs[graph.senders[s]] - ours[graph.senders[s]]
            pair = []
            for by in (-step, step):
                pushed = {graph.receivers[r]: by * change}
                pair.append(_metric(case, case.slow.rerun(prompts, at, known, pushed=pushed)))
            derivative += (pair[0] - pair[1]) / (2 * step) / 2
        assert found[s, r] == pytest.approx(derivative, rel=2e-2, abs=2e-5 * size), name


def test_integrated_activations_hold_one_layer_at_a_time(case: Case) -> None:
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    _, ours, _, theirs = case.slow_outputs()
    options = {"metric": "logit-diff", "steps": 2}
    found = discover(case.model, task, "eap-ig-activations", **options).values
    layers = [["input"]]
    for layer in range(case.model.shape.n_layers):
        layers.append([f"a{layer}.h{h}" for h in range(case.model.shape.n_heads)])
        if case.slow.mlps:
            layers.append([f"m{layer}"])
    step, size = 1e-4, np.abs(found).max()
    for s, r in np.random.default_rng(4).permutation(np.argwhere(graph.mask))[:5]:
        change, derivative = theirs[graph.senders[s]] - ours[graph.senders[s]], 0.0
        for nodes in layers:
            for share in (0.5, 1.0):
                held = {n: theirs[n] + share * (ours[n] - theirs[n]) for n in nodes}
                pair = []
                for by in (-step, step):
                    pushed = {graph.receivers[r]: by * change}
                    logits = case.slow.rerun(task.clean, at, ours, held, pushed)
                    pair.append(_metric(case, logits))
                derivative += (pair[0] - pair[1]) / (2 * step) / (2 * len(layers))
        name = graph.edge_name(int(s), int(r))
        assert found[s, r] == pytest.approx(derivative, rel=2e-2, abs=2e-5 * size), name


def test_every_method_is_there_and_scores_the_demo(demo: Case) -> None:
    names = {
        "exact", "eap", "eap-ig", "eap-ig-activations", "clean-corrupted", "information-flow-routes",
        "acdc", "path-patching", "activation-patching", "attribution-patching", "relp", "gim",
        "ensemble", "atp-star", "learned-ranking",
    }  # fmt: skip
    assert names <= set(methods.names()) and not methods.import_errors
    few = demo.task.subset([0, 1])
    for name in sorted(names):
        partials = 0
        for step in (steps := discover_steps(demo.model, few, name)):
            if isinstance(step.partial, Scores):
                assert step.partial.partial
                partials += 1
                if partials == 2:
                    steps.close()
        assert partials, name


def test_memory_that_runs_out_halves_the_batch_and_says_so(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = discover(demo.model, demo.task, "eap")
    real = demo.model.logits

    def logits(tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        if len(tokens) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return real(tokens, positions)

    monkeypatch.setattr(demo.model, "logits", logits)
    monkeypatch.setattr(demo.model, "max_batch_prompts", None)
    messages, steps = [], discover_steps(demo.model, demo.task, "eap")
    try:
        while True:
            messages.append(next(steps).message)
    except StopIteration as end:
        assert np.allclose(end.value.values, whole.values, atol=1e-5 * np.abs(whole.values).max())
    assert any("out of memory" in m and "1 prompt at a time" in m for m in messages), messages
    assert demo.model.max_batch_prompts == 1


GRADIENT_SEARCHES = [
    *((entry.name, {}) for entry in methods.entries() if entry.extra.get("smooth")),
    *((name, {"steps": 1, "rule": "right"}) for name in ("eap-ig", "eap-ig-activations", "task-attribution")),
    *(("task-attribution", {"sites": "", "gradient": gradient}) for gradient in ("relp", "eap-ig")),
]


@pytest.mark.parametrize(("name", "options"), GRADIENT_SEARCHES)
def test_no_method_scores_by_a_gradient_that_is_zero(demo: Case, name: str, options: dict[str, Any]) -> None:
    """KL is at its best at the clean prompts: who takes all gradients there would score rounding errors."""
    one = demo.task.subset([0])
    if name == "learned-ranking":
        options = {"training_steps": 1}
    try:
        steps = discover_steps(demo.model, one, name, metric="kl", **options)
    except InputError as error:
        assert f"'{name}' has no gradient of 'kl' at the clean prompts" in str(error)
    else:
        assert name not in ("eap", "gim") and options.get("steps") != 1
        assert np.abs(run_to_completion(steps).values).max() > 1e-3
