"""Faithfulness while a ranking is trained, measured in a small part of the training's time.

1. A partial result comes from the training; nothing is done until a measurement is affordable.
2. The circuit is chosen from it as it will be at the end, and measured on the first of the search's prompts.
3. The point goes along with all later results.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from circuitviz.discovery import TaskSetting
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.graph import Circuit, Scores
from circuitviz.graph.training_course import CoursePoint, add_course
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps

logger = logging.getLogger(__name__)

MIN_PROMPTS = 8
EVALUATION_S = 0.5  # what one measurement may take where the prompts are more
EVALUATION_FORWARDS = 1.6  # a pass with edges ablated, in forward passes
PREPARATION_FORWARDS = 6.0  # clean, corrupted and fully ablated runs, before the first measurement
INTERVAL_S = 2.0  # between two measurements
MEASURED_SHARE = 0.08  # of the time that the training has taken, which all measurements may take


def follow_training_steps(
    setting: TaskSetting,
    steps: ProgressSteps[Scores],
    choose: Callable[[Scores], Circuit],
    seconds_a_prompt: float | None,
    clock: Callable[[], float] = time.perf_counter,
) -> ProgressSteps[Scores]:
    """Drive the training of a ranking, and measure now and then how faithful its circuit is.

    Args:
        setting: The setting of the training.
        steps: The training; ``done`` of its progress is the step.
        choose: Chooses the circuit from scores, as it will be chosen from the result.
        seconds_a_prompt: Of one forward pass of one prompt; None where nobody knows, and `MIN_PROMPTS` are
            measured.
        clock: Tells the time in seconds.

    Returns:
        The steps of the training. Partial results and the result have the points so far in ``info``
        (``graph.training_course``), and messages tell the latest.
    """
    course = _CourseMeasurement(setting, choose, seconds_a_prompt, clock)
    runner, last_step = ProgressRunner(steps), 0
    for step in runner:
        last_step = round(step.done)
        message = "; ".join(filter(None, (step.message, course.text)))
        if isinstance(step.partial, Scores):
            if course.is_affordable():
                yield from course.measure(step.partial, last_step, replace(step, partial=None))
            yield replace(step, message=message, partial=add_course(step.partial, course.points))
        else:
            yield replace(step, message=message)
    if course.points and course.points[-1].step < last_step:
        yield from course.measure(runner.result, last_step, Progress(1, 1, "training has ended"))
    return add_course(runner.result, course.points)


class _CourseMeasurement:
    """The points so far, and what they have cost."""

    def __init__(
        self,
        setting: TaskSetting,
        choose: Callable[[Scores], Circuit],
        seconds_a_prompt: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.points: list[CoursePoint] = []
        self._choose, self._clock = choose, clock
        self._start_time = self._last_time = clock()
        self._spent_s = 0.0
        a_prompt = (seconds_a_prompt or 0.0) * EVALUATION_FORWARDS
        most = int(EVALUATION_S / a_prompt) if a_prompt else MIN_PROMPTS
        n_prompts = min(len(setting.task), max(MIN_PROMPTS, most))
        forwards = PREPARATION_FORWARDS + EVALUATION_FORWARDS
        self._expected_s = n_prompts * (seconds_a_prompt or 0.0) * forwards
        is_whole = n_prompts == len(setting.task)
        task = setting.task if is_whole else setting.task.subset(range(n_prompts))
        self._bench = FaithfulnessBench(replace(setting, task=task))

    @property
    def text(self) -> str:
        """The latest point in words; empty without one."""
        return self.points[-1].text if self.points else ""

    def is_affordable(self) -> bool:
        """Whether one more measurement keeps to the part of the time that measurements may take."""
        now = self._clock()
        trained_s = now - self._start_time - self._spent_s
        is_early = now - self._last_time < INTERVAL_S
        return not is_early and self._spent_s + self._expected_s <= MEASURED_SHARE * trained_s

    def measure(self, scores: Scores, step: int, reached: Progress) -> ProgressSteps[None]:
        """Add the point of a step; yields how far the training is."""
        begin = self._clock()
        circuit = self._choose(scores)
        runner = ProgressRunner(self._bench.evaluate(circuit))
        for _ in runner:
            yield replace(reached, message=f"{reached.message}; measuring faithfulness")
        found = runner.result.faithfulness
        n_prompts = len(self._bench.setting.task)
        point = CoursePoint(step, circuit.n_edges, n_prompts, found.value, found.low, found.high)
        self.points.append(point)
        self._last_time = self._clock()
        self._expected_s = self._last_time - begin
        self._spent_s += self._expected_s
        logger.info("%s", point.text)
