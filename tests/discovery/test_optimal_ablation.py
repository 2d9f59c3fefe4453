"""Optimal ablation against the slow path: its loss, its gradient, and the same numbers from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case

import circuitviz as cv
from circuitviz.discovery import (
    OptimalAblationOptions,
    TaskPass,
    TaskSetting,
    ablation_values,
    discover,
    discover_steps,
    estimate_search,
    learn_constants_steps,
    make_setting,
    read_edge_steps,
)
from circuitviz.discovery.optimal_ablation import ablated_loss, count_learning_passes, logits_with_ablated
from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.evaluation import (
    FaithfulnessBench,
    MeasureInput,
    estimate_measure_steps,
    evaluate,
    measure_steps,
    split_prompts,
)
from circuitviz.formats import open_document, save_document
from circuitviz.formats.manifest import from_manifest, to_manifest, to_tensors
from circuitviz.graph import Circuit
from circuitviz.graph.ablation_constants import AblationConstants, ConstantStore
from circuitviz.models import Activations, mean_activations
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task
from circuitviz.workbench.record_origin import select_circuit

FEW_STEPS = OptimalAblationOptions(steps=30)


def _fresh(case: Case) -> Any:
    """The case's task without constants of its own."""
    return replace(case.task, constants=ConstantStore())


def _means(case: Case) -> Activations:
    return mean_activations(case.model, iter([(case.task.clean, case.task.lengths)]), positional=False)


def _written(case: Case, values: Activations) -> dict[str, torch.Tensor]:
    """What each sender writes of its constant, [d_model], by the model's own output matrices."""
    model, written = case.model, {"input": values.embed[0, 0] * case.model.embed_scale}
    for layer in range(model.shape.n_layers):
        for head in range(model.shape.n_heads):
            written[f"a{layer}.h{head}"] = values.z[layer][0, 0, head] @ model.layers[layer].o[head]
        if model.shape.mlp:
            written[f"m{layer}"] = values.mlp[layer][0, 0]
    return written


def _slow_loss(case: Case, values: Activations, is_ablated: list[bool]) -> float:
    """Mean KL from the clean model with some senders held at their constants."""
    task, at = case.task, case.task.lengths - 1
    clean, ours, _, _ = case.slow_outputs()
    written, like = _written(case, values), ours["input"]
    held = {
        name: written[name].double().expand_as(like)
        for name, is_out in zip(case.model.graph.senders, is_ablated, strict=True)
        if is_out
    }
    logits, _ = case.slow.run(task.clean, at, held=held)
    reference = clean.log_softmax(-1)
    return float((reference.exp() * (reference - logits.log_softmax(-1))).sum(-1).mean())


def _sets(case: Case, number: int) -> list[list[bool]]:
    draw = np.random.default_rng(0)
    return [(draw.random(len(case.model.graph.senders)) < share).tolist() for share in draw.random(number)]


def test_the_loss_and_its_gradient_are_those_of_held_senders(case: Case) -> None:
    values, sets = _means(case), _sets(case, 3)
    right = np.mean([_slow_loss(case, values, is_ablated) for is_ablated in sets])
    assert ablated_loss(case.model, [case.task], values, sets) == pytest.approx(right, rel=1e-3)
    constants = [values.z[1].requires_grad_(), values.embed.requires_grad_()]
    logits = logits_with_ablated(case.model, case.task, values, [True] * len(sets[0]))
    gradients = torch.autograd.grad(logits.log_softmax(-1)[:, 5].sum(), constants)
    for constant, gradient in zip(constants, gradients, strict=True):
        place, pair = int(gradient.abs().argmax()), []
        for by in (-1e-2, 1e-2):
            with torch.no_grad():
                constant.view(-1)[place] += by
                moved = logits_with_ablated(case.model, case.task, values, [True] * len(sets[0]))
                pair.append(float(moved.log_softmax(-1)[:, 5].double().sum()))
                constant.view(-1)[place] -= by
        assert float(gradient.flatten()[place]) == pytest.approx((pair[1] - pair[0]) / 2e-2, rel=3e-2)


def test_constants_disturb_less_than_means_and_are_learned_once(demo: Case) -> None:
    task = _fresh(demo)
    constants = run_to_completion(learn_constants_steps(demo.model, task, FEW_STEPS))
    assert 0 < constants.loss < 0.95 * constants.mean_loss
    assert task.subset([0, 1]).constants.learned is constants
    values = Activations(
        torch.from_numpy(constants.embed)[None, None],
        [torch.from_numpy(z)[None, None] for z in constants.heads],
        [torch.from_numpy(m)[None, None] for m in constants.mlps],
    )
    sets = _sets(demo, 12)  # others than those it was compared on
    ours, means = (np.mean([_slow_loss(demo, v, s) for s in sets]) for v in (values, _means(demo)))
    assert ours < means
    bench = FaithfulnessBench(make_setting(demo.model, task, "logit-diff", "optimal"))
    empty = bench.evaluate(discover(demo.model, task, "eap").greedy(0))
    assert run_to_completion(empty).faithfulness.value == pytest.approx(0.0, abs=1e-6)
    assert task.constants.learned is constants
    again = run_to_completion(learn_constants_steps(demo.model, _fresh(demo), FEW_STEPS))
    assert again.digest == constants.digest


def test_constants_are_kept_with_the_circuit(demo: Case, tmp_path: Path) -> None:
    task = _fresh(demo)
    run_to_completion(learn_constants_steps(demo.model, task, FEW_STEPS))
    scores = discover(demo.model, task, "eap", ablation="optimal")
    state = select_circuit(demo.model, task, scores, "logit-diff", "optimal", "greedy", 100, 1.0)
    path = tmp_path / "optimal.circuit"
    save_document(Document(state), path)
    stored = open_document(path).state.origin
    assert stored.constants is not None and stored.constants.digest == state.origin.constants.digest
    assert stored.requirements == state.origin.requirements
    right = evaluate(demo.model, task, state.circuit, "logit-diff", "optimal")
    found = cv.open(path).evaluate()
    assert found.faithfulness == right.faithfulness and found.per_prompt.keys() == right.per_prompt.keys()
    other = replace(stored.constants, embed=stored.constants.embed + 1.0)
    assert replace(stored, constants=other).requirements != stored.requirements


def test_passes_of_learning_are_those_that_the_blocks_see(demo: Case) -> None:
    task, options, rows = _fresh(demo), OptimalAblationOptions(steps=10, step_prompts=3), 0

    def count(_module: Any, args: tuple[Any, ...], _output: Any) -> None:
        nonlocal rows
        rows += len(args[0])

    handle = demo.model.bridge.blocks[0].register_forward_hook(count)
    try:
        run_to_completion(learn_constants_steps(demo.model, task, options))
    finally:
        handle.remove()
    forwards, backwards = count_learning_passes(task, options)
    assert forwards == pytest.approx(rows / len(task)) and backwards == 5.0
    settings = (make_setting(demo.model, one, "logit-diff", "optimal") for one in (_fresh(demo), task))
    before, after = (estimate_search(setting, "eap") for setting in settings)
    assert before is not None and after is not None and before.seconds > 5 * after.seconds


def _zero_constants(case: Case, d_head: int) -> AblationConstants:
    shape = case.model.shape
    return AblationConstants(
        np.zeros(shape.d_model, np.float32),
        np.zeros((shape.n_layers, shape.n_heads, d_head), np.float32),
        np.zeros((shape.n_layers, shape.d_model), np.float32),
        case.model.parameter_hash, 0, 0, 0.0, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(), (4,), (3, 8, 4), (4, 8)])
def test_constants_of_another_rank_or_number_of_heads_are_refused_in_files(
    demo: Case, shape: tuple[int, ...]
) -> None:
    task = _fresh(demo)
    task.constants.learned = _zero_constants(demo, demo.model.layers[0].o.shape[1])
    scores = discover(demo.model, task, "eap", ablation="optimal")
    state = select_circuit(demo.model, task, scores, "logit-diff", "optimal", "greedy", 100, 1.0)
    tensors = to_tensors(Document(state)) | {"constant_heads": np.zeros(shape, np.float32)}
    with pytest.raises(InputError, match=r"'constant_heads'\) are not finite numbers"):
        from_manifest(to_manifest(Document(state)), tensors)


def test_constants_of_other_heads_are_refused(demo: Case) -> None:
    """A file does not say how wide heads are, so that they are compared with the model's."""
    task = _fresh(demo)
    task.constants.learned = _zero_constants(demo, demo.model.layers[0].o.shape[1] + 1)
    circuit = Circuit.full(demo.model.graph)
    for ask in (
        lambda: evaluate(demo.model, task, circuit, "logit-diff", "optimal"),
        lambda: discover(demo.model, task, "eap", "logit-diff", "optimal"),
        lambda: estimate_search(make_setting(demo.model, task, "logit-diff", "optimal"), "eap"),
    ):
        with pytest.raises(InputError, match="layers, heads and d_head"):
            ask()


def test_features_have_no_constants(demo: Case) -> None:
    task = _fresh(demo)
    task.constants.learned = _zero_constants(demo, demo.model.layers[0].o.shape[1])
    for ask in (
        lambda: discover_steps(demo.model, task, "task-attribution", sites="a2", ablation="optimal"),
        lambda: estimate_search(
            make_setting(demo.model, task, "logit-diff", "optimal"), "task-attribution", sites="a2"
        ),
    ):
        with pytest.raises(InputError, match="none for features"):
            ask()


def _edge_steps(setting: TaskSetting) -> Any:
    values = ablation_values(setting.model, setting.task, setting.ablation)
    return read_edge_steps(setting, "input->m0", values_for=values)


def _robustness_steps(setting: TaskSetting) -> Any:
    bench = FaithfulnessBench(replace(setting, ablation="zero"))
    return measure_steps("robustness", MeasureInput(bench, Circuit.full(setting.graph)))


LEARNING_STEPS: dict[str, Callable[[TaskSetting], Any]] = {
    "search": lambda at: discover_steps(at.model, at.task, "eap", at.metric, at.ablation),
    "evaluation": lambda at: FaithfulnessBench(at).evaluate(Circuit.full(at.graph)),
    "robustness": _robustness_steps,
    "edge": _edge_steps,
}


@pytest.mark.parametrize("name", LEARNING_STEPS)
def test_steps_come_while_constants_are_learned(
    demo: Case, name: str, few_learning_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuitviz.discovery.optimal_ablation.N_MEASURED_SETS", 1)
    task = demo.task.split_off([0])
    steps = LEARNING_STEPS[name](make_setting(demo.model, task, "logit-diff", "optimal"))
    assert task.constants.learned is None  # nothing was learned before the first step
    learning = []
    for step in steps:
        if task.constants.learned is not None:
            break
        if "constants of optimal ablation" in step.message:
            learning.append(step)
    assert len(learning) == few_learning_steps


def test_estimates_of_measures_count_what_is_learned(demo: Case) -> None:
    learned, fresh = (replace(demo.task, constants=ConstantStore()) for _ in range(2))
    run_to_completion(learn_constants_steps(demo.model, learned, OptimalAblationOptions(steps=1)))
    scores = discover(demo.model, demo.task.subset([0]), "eap")
    task_pass = TaskPass()
    for name, ablation in (("robustness", "zero"), ("random", "optimal"), ("stability", "optimal")):
        seconds = []
        for task in (learned, fresh):
            bench = FaithfulnessBench(make_setting(demo.model, task, "logit-diff", ablation))
            subject = MeasureInput(bench, scores.greedy(50), scores)
            seconds.append(run_to_completion(estimate_measure_steps(name, subject, task_pass)))
        forward = run_to_completion(task_pass.measure_steps(bench.setting))
        forwards, backwards = count_learning_passes(fresh)
        assert seconds[1] - seconds[0] == pytest.approx(forward * (forwards + 2 * backwards))


def test_constants_are_of_the_whole_task_whichever_part_asks_first(demo: Case) -> None:
    """Parts of parts, and of a task on its device; halves of a split have constants of their own."""
    options, digests = OptimalAblationOptions(steps=2), set()
    for take in (
        lambda task: task,
        lambda task: task.subset([2, 1]),
        lambda task: task.subset(range(3)).subset([0]),
    ):
        task = _fresh(demo)
        constants = run_to_completion(learn_constants_steps(demo.model, take(task), options))
        assert task.constants.learned is constants
        digests.add(constants.digest)
    assert len(digests) == 1
    task = _fresh(demo)
    halves = split_prompts(task)
    for half in halves:
        of_part = run_to_completion(learn_constants_steps(demo.model, half.subset([0]), options))
        assert half.constants.learned is of_part
        pairs = Task.from_pairs("half", half.pairs, demo.model.tokens)
        alone = run_to_completion(learn_constants_steps(demo.model, pairs, options))
        assert of_part.loss == pytest.approx(alone.loss, rel=1e-4)
        digests.add(of_part.digest)
    assert task.constants.learned is None and len(digests) == 3


def test_measurements_with_other_constants_have_another_key(demo: Case) -> None:
    keys = set()
    for steps in (1, 2):
        task, options = demo.task.split_off([0]), OptimalAblationOptions(steps=steps)
        run_to_completion(learn_constants_steps(demo.model, task, options))
        scores = discover(demo.model, task, "eap", "logit-diff", "optimal")
        for metric in ("logit-diff", "logit-diff", "prob-diff"):
            state = select_circuit(demo.model, task, scores, metric, "optimal", "greedy", 100, 1.0)
            keys.add(replace(state, circuit=Circuit.full(demo.model.graph)).measurement_key)
    assert len(keys) == 4
