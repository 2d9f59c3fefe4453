"""The sweep equals one gated backward pass; the ledger sums to the activation at every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from slow_features import GatedBackward

from circuitviz.errors import InputError
from circuitviz.features import (
    LOCAL_METHODS,
    THRESHOLD_GATES,
    FeatureEdgeRows,
    Target,
    fraction_curve_steps,
    local_circuit,
    logit_target,
    node_target,
)
from circuitviz.progress import run_to_completion


def late_feature(table: Any) -> Target:
    """The strongest feature of the last site at the last position."""
    site = max(table.dictionaries, key=lambda s: (int(s[1:]), s[0]))
    return node_target(table, table.node(int(table.features_at(site, table.run.time - 1)[0])).name)


def taus(edges: FeatureEdgeRows, target: Target) -> list[float]:
    top = float(edges.row_into(target)[0].abs().max())
    return [0.0, top / 300, top / 30, top / 5, top * 2]


@pytest.mark.parametrize("gate", THRESHOLD_GATES)
def test_the_sweep_equals_gating_in_a_backward_pass(features: Any, gate: str) -> None:
    table, edges = features.table, FeatureEdgeRows(features.table)
    target = late_feature(table)
    assert target.index is not None
    top = float(edges.row_into(target)[0].abs().max())
    for tau in (top / 3, top / 50):
        slow = features.slow()
        gated = GatedBackward(slow, tau, gate)
        right = gated.run(slow.pre_activation(target.index))
        ours = local_circuit(edges, target, tau=tau, gate=gate)
        right[target.index] = 0  # itself
        scale = float(right.abs().max())
        torch.testing.assert_close(ours.attribution, right, rtol=1e-5, atol=scale * features.close)
        above = (right if gate == "signed" else right.abs()) > tau
        above &= torch.from_numpy(~table.is_bias)
        assert sorted(ours.nodes) == above.nonzero()[:, 0].tolist() and len(ours.nodes)
    assert len(ours.nodes) > 8


@pytest.mark.parametrize("gate", THRESHOLD_GATES)
@pytest.mark.parametrize("method", LOCAL_METHODS)
def test_the_ledger_sums_to_the_value_at_every_threshold(features: Any, gate: str, method: str) -> None:
    edges = FeatureEdgeRows(features.table)
    for target in (late_feature(features.table), logit_target(features.table, 5)):
        for tau in taus(edges, target):
            found = local_circuit(edges, target, tau=tau, method=method, gate=gate)
            assert found.ledger.total == pytest.approx(target.value, rel=1e-6, abs=1e-8)
            if tau > taus(edges, target)[-2]:
                assert not len(found.nodes) and found.ledger.leaves == 0
            assert not features.table.is_bias[found.nodes].any()


def test_direct_attribution_keeps_what_is_above_the_threshold(features: Any) -> None:
    edges = FeatureEdgeRows(features.table)
    target = late_feature(features.table)
    row, _ = edges.row_into(target)
    tau = float(row.abs().max()) / 10
    found = local_circuit(edges, target, tau=tau, method="direct-attribution", gate="absolute")
    large = (row.abs() > tau).numpy() & ~features.table.is_bias
    assert sorted(found.nodes) == np.flatnonzero(large).tolist()
    torch.testing.assert_close(found.attribution, row)


def test_nothing_dropped_reaches_the_leaves(features: Any) -> None:
    """With every node kept, all of the value is at leaves and biases."""
    edges = FeatureEdgeRows(features.table)
    found = local_circuit(edges, late_feature(features.table), tau=0.0, gate="absolute")
    assert found.ledger.pruned == pytest.approx(0, abs=1e-9)
    assert found.ledger.features == 0


@pytest.mark.parametrize("gate", THRESHOLD_GATES)
def test_a_number_of_nodes_finds_its_threshold(features: Any, gate: str) -> None:
    edges = FeatureEdgeRows(features.table)
    target = late_feature(features.table)
    for nodes in (5, 30):
        found = local_circuit(edges, target, nodes=nodes, gate=gate)
        assert nodes / 2 < len(found.nodes) <= nodes
        again = local_circuit(edges, target, tau=found.tau, gate=gate)
        assert np.array_equal(again.nodes, found.nodes)


def test_the_curve_has_a_point_for_each_threshold(demo_features: Any) -> None:
    edges = FeatureEdgeRows(demo_features.table)
    target = late_feature(demo_features.table)
    asked = taus(edges, target)
    points = run_to_completion(fraction_curve_steps(edges, target, asked))
    assert [p.tau for p in points] == sorted(asked, reverse=True)
    for point in points:
        leaves = [i for i in point.nodes if demo_features.table.is_leaf[i]]
        share = float(point.attribution[leaves].sum()) / target.value
        assert point.fraction == pytest.approx(share, abs=1e-9)
    assert points[0].fraction == 0 != points[-1].fraction


def test_wrong_options_are_refused(demo_features: Any) -> None:
    edges = FeatureEdgeRows(demo_features.table)
    target = late_feature(demo_features.table)
    for options, message in (
        ({"gate": "both"}, "no gate 'both'; there is signed, absolute"),
        ({"method": "hierarchical"}, "Did you mean 'hierarchical-attribution'"),
        ({"tau": -1.0}, "a number from 0 on"),
        ({"tau": float("nan")}, "a number from 0 on"),
        ({"nodes": 0}, "from 1 to 2,000"),
    ):
        with pytest.raises(InputError, match=message):
            local_circuit(edges, target, **options)
