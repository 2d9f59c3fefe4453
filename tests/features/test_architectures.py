"""Llama with grouped queries, normalised outputs, no MLPs, no norms: sums hold wherever a model opens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from families import random_model, tokenizer
from slow_features import random_dictionaries

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    attention_score_parts,
    check_interventions,
    likely_logits,
    local_circuit,
    node_table,
    run_prompt,
    run_with_changes,
)
from circuitviz.graph import Intervention
from circuitviz.models import from_hugging_face


@pytest.fixture
def table(case: Any) -> Any:
    shape = case.model.shape
    kinds = {"a0": "standard", "a1": "standard/written"}
    if shape.mlp:
        kinds |= {"m0": "transcoder", "m1": "skip_transcoder/stream", "m2": "standard/written"}
    found = [one.to(torch.zeros(1)) for one in random_dictionaries(case.model, kinds)]
    prompt = case.task.clean[0, : int(case.task.lengths[0])].tolist()
    return node_table(run_prompt(case.model, prompt), found)


def test_rows_sum_to_values_on_every_architecture(case: Any, table: Any) -> None:
    readers = np.random.default_rng(0).choice(np.flatnonzero(~table.is_leaf), 60, replace=False)
    edges = FeatureEdgeRows(table)
    weights, constants = edges.rows(readers)
    sizes = weights.abs().sum(1) + constants.abs()
    far = (weights.sum(1) + constants - table.activation[readers]).abs() / sizes
    assert float(far.max()) < 1e-5
    for target in likely_logits(table, max_targets=2):
        row, constant = edges.row_into(target)
        assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-3, abs=1e-3)


def test_everything_holds_together_on_every_architecture(case: Any, table: Any) -> None:
    target = likely_logits(table, max_targets=1)[0]
    found = local_circuit(FeatureEdgeRows(table), target, nodes=50, gate="absolute")
    assert found.ledger.total == pytest.approx(target.value, rel=1e-3, abs=1e-3)
    names = [n for n in found.names if "f" in n][:2] or list(found.names[:1])
    done = check_interventions(table, target, {name: Intervention("scale", 0.5) for name in names})
    assert done.predicted == pytest.approx(done.frozen, rel=1e-3, abs=1e-4)
    whole = run_with_changes(table, [])
    torch.testing.assert_close(whole.logits, table.run.logits)


@pytest.mark.parametrize("name", ["bitnet", "llama4", "stablelm-parallel"])
def test_normalisations_that_are_not_reached_are_refused_where_outputs_pass_them(name: str) -> None:
    """Those of queries and keys alone count through patterns, which are held."""
    model = from_hugging_face(random_model(name), tokenizer(), name)
    run = run_prompt(model, "w1 w2 w3 w1 w5")
    assert model.inner_norms
    if name == "bitnet":
        with pytest.raises(InputError, match="attn_sub_norm"):
            node_table(run)
        return
    table = node_table(run)
    target = likely_logits(table, max_targets=1)[0]
    found = local_circuit(FeatureEdgeRows(table), target, nodes=20, gate="absolute")
    assert found.ledger.total == pytest.approx(target.value, rel=1e-4)


def test_scores_are_shared_out_or_refused(case: Any, table: Any) -> None:
    last = table.run.time - 1
    if case.name == "gemma2":  # its scores pass through a cap, which is not linear
        with pytest.raises(InputError, match="made otherwise than from queries and keys alone"):
            attention_score_parts(table, 1, 1, last, 2)
        return
    parts = attention_score_parts(table, 1, 1, last, 2)
    assert float(parts.pairs.sum()) == pytest.approx(parts.score, rel=1e-3, abs=1e-3)
