"""The passes that methods say they make are those that the model's MLPs see."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Case, make_case

from circuitviz.discovery import (
    TaskPass,
    TaskPasses,
    discover,
    discover_steps,
    estimate_search,
    estimate_search_steps,
    make_setting,
    methods,
)
from circuitviz.errors import InputError
from circuitviz.evaluation import check_task, check_task_steps
from circuitviz.models import Model
from circuitviz.options import build_options
from circuitviz.progress import run_to_completion
from circuitviz.tasks import load_task

COUNTED = (
    ("eap", {}),
    ("clean-corrupted", {}),
    ("relp", {}),
    ("gim", {}),
    ("ensemble", {"members": "eap,gim"}),
    ("eap-ig", {"steps": 3}),
    ("eap-ig-activations", {"steps": 2}),
    ("attribution-patching", {}),
    ("exact", {}),
    ("exact", {"receivers": "logits,m1"}),
    ("exact", {"preselect": 100}),
    ("activation-patching", {"positions": False}),
    ("activation-patching", {}),
    ("path-patching", {"receivers": "m1"}),
    ("task-attribution", {"sites": "m1", "features": 3, "steps": 3}),
)


def count_passes(case: Case, method: str, options: dict[str, Any]) -> float:
    """Tokens that go through the MLPs during a search, in forward passes of the whole task."""
    n_tokens = 0

    def count(_module: Any, args: tuple[Any, ...], _output: Any) -> None:
        nonlocal n_tokens
        n_tokens += args[0].shape[:-1].numel()

    blocks = case.model.hf.transformer.h
    handles = [block.mlp.c_fc.register_forward_hook(count) for block in blocks]
    try:
        discover(case.model, case.task, method, metric="logit-diff", **options)
    finally:
        for handle in handles:
            handle.remove()
    return n_tokens / len(blocks) / case.task.clean.numel()


@pytest.mark.parametrize(("method", "options"), COUNTED, ids=str)
def test_passes_are_those_that_the_mlps_see(demo: Case, method: str, options: dict[str, Any]) -> None:
    """But for the gradients' own work, which is counted as a quarter of a pass each."""
    entry = methods.get(method)
    setting = make_setting(demo.model, demo.task, "logit-diff")
    passes = entry.extra["count_passes"](setting, build_options(entry.options, options))
    seen = count_passes(demo, method, options)
    assert seen > 1
    expected = passes.forwards - 0.2 * passes.backwards  # 1.25 a gradient
    assert expected == pytest.approx(seen, rel=0.2, abs=0.5)


def test_acdc_makes_no_more_passes_than_it_says(demo: Case) -> None:
    entry, setting = methods.get("acdc"), make_setting(demo.model, demo.task)
    passes = entry.extra["count_passes"](setting, entry.options())
    assert passes.is_upper_bound and 5 < count_passes(demo, "acdc", {"tau": 0.05}) < passes.forwards


@pytest.mark.parametrize(
    ("method", "metric", "options", "sentence"),
    [
        ("exact", "kl", {"preselect": 30}, "no gradient of 'kl' at the clean prompts"),
        ("acdc", "accuracy", {"preselect": 30}, "'eap' needs a gradient"),
        ("exact", "logit-diff", {"preselect": 10**6}, r"1,000,000 edges were to be examined \(preselect\)"),
        ("exact", "logit-diff", {"receivers": "a9.h9"}, "no receiver 'a9.h9'"),
        ("path-patching", "logit-diff", {"receivers": "logits,m1"}, "give 'logits' alone"),
        ("task-attribution", "kl", {"sites": "m1"}, "no gradient of 'kl'"),
        ("ensemble", "kl", {"members": "eap,exact"}, "no gradient of 'kl'"),
    ],
)
def test_what_a_search_would_refuse_its_estimate_refuses(
    demo: Case, method: str, metric: str, options: dict[str, Any], sentence: str
) -> None:
    """Both at once, with the same sentence, before anything is computed."""
    setting = make_setting(demo.model, demo.task, metric)
    for begin in (
        lambda: estimate_search_steps(setting, method, TaskPass(), **options),
        lambda: next(discover_steps(demo.model, demo.task, method, metric, **options)),
    ):
        with pytest.raises(InputError, match=sentence):
            begin()


def test_every_method_is_estimated_and_more_prompts_take_longer(demo: Case) -> None:
    for name in methods.names():
        cost = estimate_search(make_setting(demo.model, demo.task), name)
        assert cost is not None and cost.seconds > 0 and cost.memory_bytes > 1e8, name


def test_the_estimate_and_the_check_of_a_task_run_each_prompt_once(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first, and an estimate of another method runs none."""
    setting, n_run = make_setting(demo.model, load_task("ioi", demo.model, prompts=40)), 0
    whole = check_task(demo.model, setting.task)
    logits = type(demo.model).logits

    def count(model: Model, tokens: Any, positions: Any) -> Any:
        nonlocal n_run
        n_run += len(tokens)
        return logits(model, tokens, positions)

    monkeypatch.setattr(type(demo.model), "logits", count)
    monkeypatch.setattr("circuitviz.discovery.task_pass.MEASURED_SECONDS", 1e-9)  # two parts
    passes = TaskPasses()
    task_pass = passes.find(setting)
    first = run_to_completion(estimate_search_steps(setting, "eap", task_pass))
    assert first is not None and 0 < n_run - 1 < 2 * 40, "one prompt is run to begin with"
    n_begun = n_run
    second = run_to_completion(estimate_search_steps(setting, "eap-ig", passes.find(setting), steps=10))
    assert second is not None and second.seconds > 3 * first.seconds and n_run == n_begun
    check = run_to_completion(check_task_steps(demo.model, setting.task, None, passes.find(setting)))
    assert n_run == 1 + 2 * 40 and check.accuracy == whole.accuracy
    assert check.clean.value == pytest.approx(whole.clean.value, abs=1e-5)
    run_to_completion(check_task_steps(demo.model, setting.task, None, passes.find(setting)))
    assert n_run == 1 + 2 * 40


def test_passes_are_kept_apart_by_prompts_metric_and_model(demo: Case) -> None:
    passes, task = TaskPasses(), load_task("ioi", demo.model, prompts=8)
    found = passes.find(make_setting(demo.model, task))
    assert passes.find(make_setting(demo.model, load_task("ioi", demo.model, prompts=8))) is found
    for other in (
        make_setting(demo.model, load_task("ioi", demo.model, prompts=9)),
        make_setting(demo.model, task, "prob-diff"),
        make_setting(make_case("stories").model, load_task("gender", make_case("stories").model, prompts=8)),
    ):
        assert passes.find(other) is not found


def test_a_part_that_another_job_has_run_meanwhile_is_not_kept_twice(demo: Case) -> None:
    setting, task_pass = make_setting(demo.model, demo.task), TaskPass()
    waiting = task_pass.measure_steps(setting)
    next(waiting)  # steps aside before its part is kept
    values = run_to_completion(task_pass.complete_steps(setting))
    for _ in waiting:
        pass
    assert values.shape == (4, len(demo.task)) and task_pass.n_prompts == len(demo.task)
