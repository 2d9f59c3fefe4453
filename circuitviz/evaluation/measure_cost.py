"""How long a measure will take, before it runs."""

from __future__ import annotations

from circuitviz.discovery import estimate_search
from circuitviz.discovery.search_cost import measure_forward_seconds
from circuitviz.evaluation.registry import CountRuns, MeasureInput, check_measure, measures

FORWARDS_PER_EVALUATION = 1.6  # a pass with edges ablated, of 1.4 to 1.6 forward passes in the benchmark


def estimate_measure(name: str, measure_input: MeasureInput, **options: object) -> float | None:
    """Estimate the time of a measure of a head circuit from one forward pass.

    Args:
        name: Name of the measure.
        measure_input: The circuit on its bench.
        **options: Options of the measure.

    Returns:
        Seconds on this machine as it is now; None where the measure, or the method of its searches, does not
        say what it costs.

    Raises:
        InputError: The measure cannot be taken.
    """
    measure_options = check_measure(name, measure_input, **options)
    count_runs: CountRuns | None = measures.get(name).extra.get("count_runs")
    if count_runs is None:
        return None
    setting, runs = measure_input.bench.setting, count_runs(measure_input, measure_options)
    forward = measure_forward_seconds(setting.model, setting.task)
    seconds = FORWARDS_PER_EVALUATION * runs.evaluations * forward
    if not runs.searches:
        return seconds
    scores = measure_input.require_scores("method to repeat")
    cost = estimate_search(setting, scores.method, **scores.options)
    return None if cost is None else seconds + runs.searches * cost.seconds
