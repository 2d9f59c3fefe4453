"""Cross-layer transcoders in circuits: exact sums, edges, effects and runs, against the plain model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from slow_features import GatedBackward, SlowEdges, random_cross_layer
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features import (
    Dictionary,
    FeatureEdgeRows,
    PromptBench,
    local_circuit,
    logit_target,
    node_table,
    node_target,
    resolve_interventions,
    run_prompt,
    run_with_changes,
    target_value_in,
    unexplained_variance,
)
from circuitviz.features.dashboards.directions import output_direction
from circuitviz.features.feature_activations import HeldFeature, find_feature, run_with_held_features
from circuitviz.features.feature_basis import FeatureBasis
from circuitviz.features.frozen_effects import frozen_change, predicted_change, total_effects_by_stage
from circuitviz.features.steered_nodes import find_steered_node
from circuitviz.graph import Intervention, NodeKind
from circuitviz.training import splice_hooks

IDS, TOKEN, LAYERS = [0, 5, 9, 21, 4, 33, 8], 7, 3


class Opened:
    """A random GPT-2 with a cross-layer transcoder on all layers; attention keeps its heads as nodes."""

    def __init__(self, case: Any) -> None:
        self.hf, self.model = case.hf, case.model
        width = case.model.shape.d_model
        self.dictionaries = [random_cross_layer(i, LAYERS - 1 - i, width, 30) for i in range(LAYERS)]
        self.run = run_prompt(case.model, IDS)
        self.table = node_table(self.run, self.dictionaries)
        self.target = logit_target(self.table, TOKEN)


@pytest.fixture(scope="module")
def opened(gpt2_features: Any) -> Opened:
    return Opened(gpt2_features)


def encode(dictionary: Dictionary, x: Tensor) -> Tensor:
    raw = x @ dictionary.encoder + dictionary.bias
    return raw * (raw > dictionary.threshold)


def rows_of(dictionary: Dictionary, layer: int) -> Tensor:
    """Decoder directions at a layer [features, d]."""
    own = dictionary.site.layer
    return dictionary.decoder if layer == own else dictionary.later_decoder[:, layer - own - 1]


class CrossLayerWalk(SlowEdges):
    """The frozen forward pass in which features write to later layers as well, from their decoders."""

    def stream(self, stage: int) -> Tensor:
        x = super().stream(stage)
        table = self.table
        for row in np.flatnonzero(table.kind == list(NodeKind).index(NodeKind.FEATURE)):
            own = int(table.layer[row])
            for layer in range(own + 1, LAYERS):
                if 4 * layer + 4 < stage:
                    direction = rows_of(table.dictionaries[f"m{own}"], layer)[table.item[row]]
                    vector = self.factors[row] * table.activation[row] * direction
                    x = x.index_add(0, self.at[row][None], vector[None])
        return x


def test_nodes_add_up_to_every_stream(opened: Opened) -> None:
    slow = CrossLayerWalk(opened.hf, opened.table)
    for layer in range(LAYERS):
        torch.testing.assert_close(slow.stream(4 * layer + 2).detach(), slow.streams[layer])
    torch.testing.assert_close(opened.table.written_before(10**4).sum(0), opened.run.final.sum(0))


def test_rows_equal_a_walk_and_add_up_to_activations(opened: Opened) -> None:
    table, edges = opened.table, FeatureEdgeRows(opened.table)
    slow = CrossLayerWalk(opened.hf, table)
    readers = np.flatnonzero(~table.is_leaf)
    for node in readers[:: max(1, len(readers) // 20)]:
        (row,), (constant,) = edges.rows([node])
        right, rest = slow.row(slow.pre_activation(int(node)))
        torch.testing.assert_close(row, right, rtol=1e-6, atol=1e-9)
        assert float(constant) == pytest.approx(float(rest), abs=1e-8)
        assert float(row.sum() + constant) == pytest.approx(float(table.activation[node]), rel=1e-6)
    row, constant = edges.row_into(opened.target)
    torch.testing.assert_close(row, slow.row(slow.logit(TOKEN))[0], rtol=1e-6, atol=1e-9)
    for attention in ("heads", "transparent"):
        other = node_table(opened.run, opened.dictionaries, attention=attention)
        row, constant = FeatureEdgeRows(other).row_into(logit_target(other, TOKEN))
        assert float(row.sum()) + constant == pytest.approx(opened.target.value, rel=1e-9)
        ledger = local_circuit(FeatureEdgeRows(other), logit_target(other, TOKEN), nodes=40).ledger
        assert ledger.total == pytest.approx(opened.target.value, rel=1e-9)


@pytest.mark.parametrize("gate", ["signed", "absolute"])
def test_hierarchical_attribution_equals_a_gated_backward_pass(opened: Opened, gate: str) -> None:
    ours = local_circuit(FeatureEdgeRows(opened.table), opened.target, tau=0.05, gate=gate)
    gated = GatedBackward(CrossLayerWalk(opened.hf, opened.table), 0.05, gate)
    right = gated.run(gated.slow.logit(TOKEN))
    torch.testing.assert_close(ours.attribution, right, rtol=1e-6, atol=1e-9)


def test_predicted_effects_are_those_of_all_paths(opened: Opened) -> None:
    """The edge to the target, and those through all nodes between; edges equal the walk above."""
    table = node_table(opened.run, opened.dictionaries, attention="transparent")
    target, edges = logit_target(table, TOKEN), FeatureEdgeRows(table)
    effects, _ = total_effects_by_stage(table, target)
    readers = np.flatnonzero(~table.is_leaf)
    rows, _ = edges.rows(readers)
    through = (effects[readers] / table.activation[readers]) @ rows
    torch.testing.assert_close(effects, edges.row_into(target)[0] + through, rtol=1e-6, atol=1e-9)
    feature = table.node(int(table.features_at("m0", 4)[0])).name
    for name in (feature, "m1.error@3", "token@2"):
        changes = resolve_interventions(table, {name: Intervention("scale", 0.5)})
        predicted = predicted_change(table, target, changes)
        assert predicted == pytest.approx(-0.5 * float(effects[table.index(name)]), rel=1e-6)
        assert frozen_change(table, target, changes) == pytest.approx(predicted, rel=1e-6)


def logit_by_hand(opened: Opened, change: Any, errors: str = "kept") -> float:
    """The plain model's logit where activations [time, features] of each layer are replaced by ``change``."""
    old: dict[int, Tensor] = {}
    new: dict[int, Tensor] = {}
    handles = []

    def hook(layer: int, args: tuple[Tensor, ...], written: Tensor) -> Tensor:
        old[layer] = encode(opened.dictionaries[layer], args[0][0])
        new[layer] = change(layer, old[layer].clone())
        rebuilt = sum(new[i] @ rows_of(opened.dictionaries[i], layer) for i in range(layer + 1))
        if errors == "dropped":
            return (rebuilt + opened.dictionaries[layer].decoder_bias)[None]
        before = sum(old[i] @ rows_of(opened.dictionaries[i], layer) for i in range(layer + 1))
        return written + (rebuilt - before)[None]

    for layer, block in enumerate(opened.hf.transformer.h):
        handles.append(block.mlp.register_forward_hook(lambda _m, a, out, i=layer: hook(i, a, out)))
    with torch.no_grad():
        logit = float(opened.hf(torch.tensor([IDS])).logits[0, -1, TOKEN])
    for handle in handles:
        handle.remove()
    return logit


@pytest.mark.parametrize("errors", ["kept", "dropped"])
def test_changed_features_change_all_layers_that_they_write_to(opened: Opened, errors: str) -> None:
    row = opened.table.features_at("m0", 6)[0]
    item = int(opened.table.item[row])
    changes = resolve_interventions(opened.table, {f"m0.f{item}@6": Intervention("set", 3.0)})

    def change(layer: int, activation: Tensor) -> Tensor:
        if layer == 0:
            activation[6, item] = 3.0
        return activation

    ours = target_value_in(run_with_changes(opened.table, changes, errors), opened.table, opened.target)
    assert ours == pytest.approx(logit_by_hand(opened, change, errors), rel=1e-9)
    assert abs(ours - logit_by_hand(opened, lambda _layer, activation: activation, errors)) > 1e-3


@pytest.mark.parametrize("errors", ["kept", "dropped"])
def test_everything_outside_a_circuit_is_ablated_in_all_layers(opened: Opened, errors: str) -> None:
    """All heads stay; of features a part, the others are 0."""
    table = opened.table
    features = [i for i in range(len(table)) if table.node(i).kind is NodeKind.FEATURE]
    inside = features[::3]
    heads = [table.node(i).name for i in range(len(table)) if table.node(i).kind is NodeKind.HEAD]
    masks = {layer: torch.zeros(len(IDS), 30, dtype=torch.bool) for layer in range(LAYERS)}
    for i in inside:
        masks[int(table.layer[i])][int(table.position[i]), int(table.item[i])] = True
    right = logit_by_hand(opened, lambda layer, activation: activation * masks[layer], errors)
    bench = PromptBench(table, opened.target)
    names = [table.node(i).name for i in inside] + heads
    assert bench.circuit_value(names, "zero", errors) == pytest.approx(right, rel=1e-9)


def test_a_layer_that_is_not_open_is_one_node(opened: Opened) -> None:
    """What features write there is part of its MLP, and of no sum twice."""
    table = node_table(opened.run, [opened.dictionaries[0], opened.dictionaries[2]])
    kinds = {(int(table.layer[i]), table.node(i).kind) for i in range(len(table))}
    assert (1, NodeKind.MLP) in kinds and (1, NodeKind.ERROR) not in kinds
    target = logit_target(table, TOKEN)
    row, constant = FeatureEdgeRows(table).row_into(target)
    assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-9)
    target = node_target(table, table.node(int(table.features_at("m2", 5)[0])).name)
    row, constant = FeatureEdgeRows(table).row_into(target)
    assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-6)


def test_variance_is_explained_with_the_layers_before(opened: Opened) -> None:
    run, written = opened.run, 0
    for layer in range(2):
        norm = opened.hf.transformer.h[layer].ln_2
        with torch.no_grad():
            x = norm(run.mlp_stream[layer])
        written = written + encode(opened.dictionaries[layer], x) @ rows_of(opened.dictionaries[layer], 1)
    rebuilt = (written + opened.dictionaries[1].decoder_bias)[1:]
    wanted = run.mlp[1][1:]
    right = float((wanted - rebuilt).square().sum() / (wanted - wanted.mean(0)).square().sum())
    dictionaries = opened.dictionaries
    assert unexplained_variance(dictionaries[1], [run], dictionaries) == pytest.approx(right, rel=1e-9)
    assert unexplained_variance(dictionaries[1], [run]) != pytest.approx(right, rel=1e-3)


def test_tasks_refuse_cross_layer_transcoders(opened: Opened) -> None:
    with pytest.raises(InputError, match="writes to later layers"):
        FeatureBasis.from_dictionaries(opened.model, {"m0": opened.dictionaries[0]})


def test_held_features_of_claims_change_later_layers(opened: Opened) -> None:
    """A feature that is held over a batch, while one of a later layer is read."""
    held = find_feature("m0.f3", opened.dictionaries)
    read = find_feature("m2.f5", opened.dictionaries)
    tokens = torch.tensor([IDS])
    value, mask = torch.full((1, len(IDS)), 2.0, dtype=torch.float64), torch.ones(1, len(IDS)).bool()
    logits, _ = run_with_held_features(
        opened.model, tokens, torch.tensor([len(IDS) - 1]), [HeldFeature(held, value, mask)], [read]
    )

    def change(layer: int, activation: Tensor) -> Tensor:
        if layer == 0:
            activation[:, 3] = 2.0
        return activation

    assert float(logits[0, TOKEN]) == pytest.approx(logit_by_hand(opened, change), rel=1e-9)


def test_steered_features_change_later_layers(opened: Opened) -> None:
    by_site = {one.site.name: one for one in opened.dictionaries}
    node = find_steered_node(opened.model, "m0.f3", Intervention("add", 1.5), by_site, {})
    hooks = node.make_hooks(lambda activation: torch.full_like(activation, 1.5))
    with torch.no_grad(), opened.model.hooks(hooks):
        logits = opened.model.logits(torch.tensor([IDS]), torch.tensor([len(IDS) - 1]))

    def change(layer: int, activation: Tensor) -> Tensor:
        if layer == 0:
            activation[:, 3] += 1.5
        return activation

    assert float(logits[0, TOKEN]) == pytest.approx(logit_by_hand(opened, change), rel=1e-9)


def test_a_feature_promotes_what_it_writes_in_all_layers(opened: Opened) -> None:
    direction = output_direction(opened.model, opened.dictionaries[0], 3)
    right = sum(rows_of(opened.dictionaries[0], layer)[3] for layer in range(LAYERS))
    torch.testing.assert_close(direction, right)


def test_a_spliced_transcoder_rebuilds_all_layers_together(opened: Opened) -> None:
    """As the loss recovered of a trained one is measured."""
    with torch.no_grad(), opened.model.hooks(splice_hooks(opened.dictionaries)):
        logits = opened.model.logits(torch.tensor([IDS]), torch.tensor([len(IDS) - 1]))
    right = logit_by_hand(opened, lambda _layer, activation: activation, "dropped")
    assert float(logits[0, TOKEN]) == pytest.approx(right, rel=1e-9)
