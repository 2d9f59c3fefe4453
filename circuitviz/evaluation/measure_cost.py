"""How long a measure will take, before it runs."""

from __future__ import annotations

from circuitviz.discovery import TaskPass, estimate_search_steps
from circuitviz.discovery.search_cost import count_learning_forwards, needs_constants
from circuitviz.evaluation.registry import CountRuns, MeasureInput, check_measure, measures
from circuitviz.progress import ProgressSteps

FORWARDS_PER_EVALUATION = 1.6  # a pass with edges ablated, of 1.4 to 1.6 forward passes in the benchmark


def estimate_measure_steps(
    name: str, measure_input: MeasureInput, task_pass: TaskPass, **options: object
) -> ProgressSteps[float | None]:
    """Estimate the time of a measure of a head circuit.

    Args:
        name: Name of the measure.
        measure_input: The circuit on its bench.
        task_pass: Tells how long a forward pass takes; it runs prompts where it does not know yet.
        **options: Options of the measure.

    Returns:
        A generator whose result is the seconds on this machine as it is now; None where the measure, or the
        method of its searches, does not say what it costs.

    Raises:
        InputError: The measure cannot be taken.
    """
    measure_options = check_measure(name, measure_input, **options)
    count_runs: CountRuns | None = measures.get(name).extra.get("count_runs")
    if count_runs is None:
        return None
    setting, runs = measure_input.bench.setting, count_runs(measure_input, measure_options)
    forward = yield from task_pass.measure_steps(setting)
    learning = forward * count_learning_forwards(setting.task)
    missing = learning if needs_constants(setting) else 0.0
    seconds = FORWARDS_PER_EVALUATION * runs.evaluations * forward + runs.learnings * learning + missing
    if not runs.searches:
        return seconds
    scores = measure_input.require_scores("method to repeat")
    cost = yield from estimate_search_steps(setting, scores.method, task_pass, **scores.options)
    return None if cost is None else seconds + runs.searches * (cost.seconds - missing)
