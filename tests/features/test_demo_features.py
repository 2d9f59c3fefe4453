"""The demo model with the dictionaries that ship with it, in float32, as a person meets it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from circuitviz.features import (
    FeatureEdgeRows,
    attribution_graph,
    check_interventions,
    difference_target,
    evaluate_prompt_circuit,
    fit_dictionaries,
    likely_logits,
    load_dictionaries,
    local_circuit,
    node_table,
    node_target,
    resolve_interventions,
    run_prompt,
    run_with_changes,
)
from circuitviz.graph import Intervention
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path

PROMPT = "When Mary and John went to the store, John gave a drink to"


@pytest.fixture(scope="module")
def table(demo: Any) -> Any:
    found = load_dictionaries([resource_path("demo", "dictionaries")], demo.model)
    return node_table(run_prompt(demo.model, PROMPT), found)


@pytest.fixture
def difference(table: Any) -> Any:
    tokens = table.run.model.tokens
    return difference_target(table, [tokens.answer_id(PROMPT, " Mary")], [tokens.answer_id(PROMPT, " John")])


def test_they_fit_the_model_as_they_are(table: Any) -> None:
    assert set(table.dictionaries) == {f"{part}{layer}" for layer in range(4) for part in "am"}
    better, warnings = fit_dictionaries(list(table.dictionaries.values()), [table.run])
    assert warnings == [] and better == list(table.dictionaries.values())


def test_rows_sum_to_the_features_values(table: Any) -> None:
    readers = np.flatnonzero(~table.is_leaf)
    weights, constants = FeatureEdgeRows(table).rows(readers)
    values = table.activation[readers]
    torch.testing.assert_close(weights.sum(1) + constants, values, rtol=1e-4, atol=1e-4)


def test_a_features_circuit_holds_its_ledger(table: Any) -> None:
    target = node_target(table, table.node(int(table.features_at("m3", 14)[0])).name)
    found = local_circuit(FeatureEdgeRows(table), target, nodes=80)
    assert found.ledger.total == pytest.approx(target.value, rel=1e-4)
    assert 40 < len(found.nodes) <= 80


def test_the_circuit_for_the_name_is_small_and_does_the_work(table: Any, difference: Any) -> None:
    """A twentieth of the nodes keeps most of the difference; all others keep none of it."""
    found = local_circuit(FeatureEdgeRows(table), difference, nodes=100, gate="absolute")
    other = run_prompt(table.run.model, "When Anna and Paul went to the park, Paul gave a book to")
    judged = evaluate_prompt_circuit(table, difference, found.names, "mean", [other])
    assert len(found.nodes) < len(table) / 20
    assert judged.faithfulness is not None and 0.6 < judged.faithfulness < 1.4
    assert judged.completeness is not None and judged.completeness < 0.4


def test_the_prompts_graph_is_explained_by_its_tokens(table: Any) -> None:
    graph = run_to_completion(attribution_graph(FeatureEdgeRows(table), likely_logits(table)))
    assert (
        graph.replacement_score > 0.7 and graph.completeness_score > 0.9 and graph.unexpanded_influence < 0.01
    )


def test_a_component_is_its_features_its_error_and_its_biases(table: Any) -> None:
    for layer in (1, 3):
        rows = [i for p in range(table.run.time) for i in table.features_at(f"m{layer}", p)]
        names = [table.node(int(i)).name for i in rows] + [
            f"m{layer}.error@{p}" for p in range(table.run.time)
        ]
        changed = run_with_changes(
            table, resolve_interventions(table, {name: Intervention("zero") for name in names})
        )
        bias = table.dictionaries[f"m{layer}"].decoder_bias
        written = changed.mlp[layer]
        torch.testing.assert_close(written, bias.expand_as(written), rtol=1e-3, atol=1e-4)


def test_prediction_and_measurement_of_an_ablation(table: Any, difference: Any) -> None:
    found = local_circuit(FeatureEdgeRows(table), difference, nodes=100, gate="absolute")
    late = [n for n in found.names if n.startswith("m3.f") and n.endswith("@14")]
    done = check_interventions(table, difference, {name: Intervention("zero") for name in late})
    assert done.predicted == pytest.approx(done.frozen, rel=1e-4, abs=1e-4)
    assert done.free != pytest.approx(0)
