"""Faithfulness against the number of nodes: each point is a circuit of its own, judged alone."""

from __future__ import annotations

from typing import Any

import pytest

from circuitviz.evaluation import FeatureMeasureInput, measure_steps
from circuitviz.evaluation.sizes import circuit_sizes_up_to
from circuitviz.features import (
    FeatureEdgeRows,
    PromptBench,
    load_dictionaries,
    local_circuit,
    logit_target,
    node_table,
    run_prompt,
)
from circuitviz.graph import Intervention
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(0, []), (1, [1]), (2, [1, 2]), (10, [1, 2, 3, 5, 7, 10]), (25, [1, 2, 3, 5, 7, 10, 20, 25])],
)
def test_sizes_grow_to_the_whole(most: int, sizes: list[int]) -> None:
    assert circuit_sizes_up_to(most) == sizes


def test_points_are_circuits_of_the_strongest_nodes(demo: Any) -> None:
    found = load_dictionaries([resource_path("demo", "dictionaries")], demo.model)
    table = node_table(run_prompt(demo.model, "Mary and John went out, John"), found)
    target = logit_target(table, 40)
    bench = PromptBench(table, target)
    names = [
        n for n in local_circuit(FeatureEdgeRows(table), target, nodes=12, gate="absolute").names if ".f" in n
    ]
    subject = FeatureMeasureInput(bench, tuple(names), ablation="zero", errors="dropped")
    points = run_to_completion(measure_steps("sizes", subject)).as_dict()["points"]
    # by what each does to the target in the frozen run, alone
    order = sorted(
        names,
        key=lambda n: (
            -abs(bench.predictions.effect_of(bench.resolve_interventions({n: Intervention("zero")})[0]))
        ),
    )
    for point in points:
        right = bench.evaluate(order[: point["nodes"]], "zero", "dropped")
        assert point["last"] == order[point["nodes"] - 1]
        assert point["faithfulness"] == pytest.approx(right.faithfulness, abs=1e-6)
        assert point["completeness"] == pytest.approx(right.completeness, abs=1e-6)
