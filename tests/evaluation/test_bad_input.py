"""What cannot be measured is refused by name: a quantity that is no number is never shown as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Case
from slow_path import DEMO, plain

from circuitviz.discovery import discover, make_setting, methods
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, MeasureInput, evaluate, measure_steps, measures
from circuitviz.evaluation.registry import inapplicable_measures
from circuitviz.features import load_dictionaries, node_table, run_prompt
from circuitviz.graph import Circuit
from circuitviz.models import Model, from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import PromptPair, Task, load_task

DICTIONARIES = resource_path("demo", "dictionaries")
PROMPT = "Then Mary and John went to the park. John gave a ring to"


@pytest.fixture(scope="module")
def spoiled() -> tuple[Model, Task]:
    """The demo model with one weight of layer 1's MLP that became NaN after it was opened."""
    from transformers import AutoTokenizer

    hf = plain(DEMO)
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "gpt2")
    task = load_task("ioi", model, prompts=4)  # as few as can be divided into two parts
    hf.transformer.h[1].mlp.c_fc.weight.data[0, 0] = float("nan")
    return model, task


@pytest.mark.parametrize("method", methods.names())
def test_every_method_names_a_nan(spoiled: tuple[Model, Task], method: str) -> None:
    more = {"dictionaries": str(DICTIONARIES)} if method == "task-attribution" else {}
    with pytest.raises(InputError, match="not a number|not numbers"):
        discover(*spoiled, method, **more)


@pytest.mark.parametrize("measure", [n for n in measures.names() if n not in inapplicable_measures("heads")])
def test_every_measure_names_a_nan(spoiled: tuple[Model, Task], demo: Case, measure: str) -> None:
    model, task = spoiled
    scores = discover(demo.model, demo.task, "eap")
    circuit, chosen = scores.greedy(20), ("a2.h6",)  # what backup takes out
    subject = MeasureInput(FaithfulnessBench(make_setting(model, task)), circuit, scores, selection=chosen)
    with pytest.raises(InputError, match="not a number|not numbers"):
        run_to_completion(measure_steps(measure, subject))


def test_a_prompt_of_a_model_with_a_nan_has_no_features(spoiled: tuple[Model, Task]) -> None:
    """What the measures of features would begin with."""
    model, _task = spoiled
    with pytest.raises(InputError, match="not a number|not numbers"):
        node_table(run_prompt(model, PROMPT), load_dictionaries([DICTIONARIES], model))


@pytest.mark.parametrize("method", methods.names())
def test_a_metric_that_needs_both_answers_refuses_a_one_sided_task(demo: Case, method: str) -> None:
    pair = PromptPair("So Mary said that", "So John said that", (" she",))
    task = Task.from_pairs("one", [pair], demo.model.tokens)
    for metric in ("logit-diff", "prob-diff"):
        with pytest.raises(InputError, match=f"'{metric}' compares correct with incorrect"):
            discover(demo.model, task, method, metric)


WRONG: dict[str, tuple[Callable[[Case], object], str]] = {
    "no threshold": (lambda c: discover(c.model, c.task, "acdc", tau=0.0), "--tau .* above 0"),
    "a negative threshold": (lambda c: discover(c.model, c.task, "acdc", tau=-1), "--tau .* above 0"),
    "a threshold that is none": (
        lambda c: discover(c.model, c.task, "acdc", tau=float("nan")),
        "--tau .* above 0",
    ),
    "no steps": (lambda c: discover(c.model, c.task, "eap-ig", steps=0), "--steps .* from 1 to 1000"),
    "no rounds": (lambda c: discover(c.model, c.task, "path-patching", rounds=0), "--rounds .* from 1"),
    "no receiver": (lambda c: discover(c.model, c.task, "exact", receivers="a9.h9"), "no receiver 'a9.h9'"),
    "edges that are not there": (lambda c: discover(c.model, c.task, "eap").greedy(1520), "1,?519"),
    "no resamples": (lambda c: _measure(c, "stability", resamples=1), "--resamples .* from 2"),
    "no sets": (lambda c: _measure(c, "completeness", sets=-1), "--sets .* from 0"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_out_of_range_is_told_with_its_bounds(demo: Case, wrong: str) -> None:
    act, says = WRONG[wrong]
    with pytest.raises(InputError, match=says):
        act(demo)


def test_a_single_prompt_has_values_but_no_intervals(demo: Case) -> None:
    """A bootstrap over one prompt would say that the number is certain."""
    one = demo.task.subset([0])
    scores = discover(demo.model, one, "eap")
    found = evaluate(demo.model, one, scores.greedy(100)).faithfulness
    assert found.value is not None and found.low is None and found.high is None
    subject = MeasureInput(FaithfulnessBench(make_setting(demo.model, one)), scores.greedy(100), scores)
    with pytest.raises(InputError, match="prompt"):
        run_to_completion(measure_steps("stability", subject))


def _measure(case: Case, name: str, **options: object) -> object:
    circuit = Circuit.full(case.model.graph)
    return run_to_completion(
        measure_steps(
            name, MeasureInput(FaithfulnessBench(make_setting(case.model, case.task)), circuit), **options
        )
    )
