"""Faithfulness while a ranking is trained: what is measured, and what it may cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import Case
from slow_faithfulness import Slow

from circuitviz.discovery import discover, discover_steps, make_setting
from circuitviz.evaluation import training_course
from circuitviz.evaluation.training_course import follow_training_steps
from circuitviz.graph import Scores
from circuitviz.graph.training_course import course_of
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps


def test_each_point_is_the_faithfulness_of_the_partial_circuit(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo trains four steps, and a point is measured after each: its circuits by the slow path."""
    monkeypatch.setattr(training_course, "INTERVAL_S", 0.0)
    monkeypatch.setattr(training_course, "MEASURED_SHARE", np.inf)
    options = {"units": "nodes", "training_steps": 4, "learning_rate": 1.0}
    steps = discover_steps(demo.model, demo.task, "learned-ranking", "logit-diff", **options)
    setting = make_setting(demo.model, demo.task, "logit-diff")
    seconds = 1e-6  # so that all prompts are measured
    runner = ProgressRunner(follow_training_steps(setting, steps, lambda scores: scores.nodes(60), seconds))
    partial = [step.partial for step in runner if isinstance(step.partial, Scores)]
    course, slow = course_of(runner.result), Slow(demo)
    assert [point["step"] for point in course] == [1, 2, 3, 4]
    assert [course_of(scores) for scores in partial] == [course[:n] for n in (1, 2, 3, 4)]
    for point, scores in zip(course, partial, strict=True):
        circuit = scores.nodes(60)
        assert point["edges"] == circuit.n_edges and point["prompts"] == len(demo.task)
        assert point["value"] == pytest.approx(slow.faithfulness(circuit.edges), abs=2e-4)
        assert point["low"] <= point["value"] <= point["high"]
    alone = discover(demo.model, demo.task, "learned-ranking", "logit-diff", **options)
    assert np.array_equal(alone.values, runner.result.values) and not course_of(alone)


def test_few_prompts_are_measured_where_nobody_knows_how_long_one_takes(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_course, "MIN_PROMPTS", 3)
    scores = Scores(demo.model.graph, np.where(demo.model.graph.mask, 1.0, 0.0), "learned-ranking")

    monkeypatch.setattr(training_course, "INTERVAL_S", 0.0)
    monkeypatch.setattr(training_course, "MEASURED_SHARE", np.inf)

    def report() -> ProgressSteps[Scores]:
        yield Progress(1, 1, "step 1", replace(scores, partial=True))
        return scores

    setting = make_setting(demo.model, demo.task)
    runner = ProgressRunner(follow_training_steps(setting, report(), lambda s: s.greedy(30), None))
    list(runner)
    assert [point["prompts"] for point in course_of(runner.result)] == [3] and len(demo.task) > 3


class _Clock:
    """A clock that the training moves by 1 s a step, and a measurement by its own time."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


@pytest.mark.parametrize("measurement_s", [0.125, 3.0, 1000.0])
def test_measurements_keep_to_their_part_of_the_time(
    demo: Case, monkeypatch: pytest.MonkeyPatch, measurement_s: float
) -> None:
    clock, n_steps = _Clock(), 300
    scores = Scores(demo.model.graph, np.where(demo.model.graph.mask, 1.0, 0.0), "learned-ranking")

    def train() -> ProgressSteps[Scores]:
        for step in range(1, n_steps + 1):
            clock.time_s += 1.0
            yield Progress(step, n_steps, f"step {step}", replace(scores, partial=True))
        return scores

    class Bench:
        def __init__(self, setting: object) -> None:
            self.setting = setting

        def evaluate(self, circuit: object) -> ProgressSteps[object]:
            clock.time_s += measurement_s
            yield Progress(1, 1)
            return run_once

    bench = training_course.FaithfulnessBench(make_setting(demo.model, demo.task))
    measured = ProgressRunner(bench.evaluate(scores.greedy(30)))
    list(measured)
    run_once, bench_value = measured.result, measured.result.faithfulness.value
    monkeypatch.setattr(training_course, "FaithfulnessBench", Bench)
    seconds = measurement_s / (len(demo.task) * 7.6)  # of a forward pass of one prompt
    steps = ProgressRunner(
        follow_training_steps(bench.setting, train(), lambda s: s.greedy(30), seconds, clock)
    )
    messages = [step.message for step in steps]
    spent, points = clock.time_s - n_steps, course_of(steps.result)
    assert spent <= 0.08 * n_steps + measurement_s  # the last one is measured after the training
    assert len(points) == {0.125: 150, 3.0: 8, 1000.0: 0}[measurement_s]
    assert bool(points) == (f"faithfulness {bench_value:.3f} [" in messages[-1])
