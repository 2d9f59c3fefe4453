"""Live numbers of a circuit of features, held against the plain model with hooks written here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from slow_causal import SlowModel, row, slow_circuit
from slow_path import DEMO, plain
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    PromptBench,
    difference_target,
    load_dictionaries,
    local_circuit,
    logit_target,
    node_table,
    run_prompt,
    target_value_in,
)
from circuitviz.features.ablate_outside import OutsideAblation
from circuitviz.graph import Intervention, NodeKind
from circuitviz.models import load_model
from circuitviz.resources import resource_path

OTHER, THIRD = [0, 7, 9, 30, 4, 33, 8], [0, 11, 6, 2]
PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"


def slow_of(case: Any, tokens: list[int], errors: str = "kept") -> SlowModel:
    return SlowModel(case.hf, case.table.dictionaries, tokens, errors)


def references(case: Any) -> dict[str, Any]:
    other, third = (run_prompt(case.model, tokens) for tokens in (OTHER, THIRD))
    return {"corrupted": [other], "mean": [other, third]}


def slow_instead(case: Any, ablation: str) -> dict[str, Tensor] | None:
    """What every site has on the other prompts, from the plain model alone."""
    found = []
    for tokens in (OTHER, THIRD):
        slow = slow_of(case, tokens)
        slow.logits(lambda site, value: value)
        found.append(slow.parts)
    if ablation == "zero":
        return None
    if ablation == "corrupted":
        return found[0]
    return {site: torch.cat([parts[site] for parts in found]).mean(0) for site in found[0]}


some = pytest.mark.parametrize("features", ["gpt2", "neox"], indirect=True)


@some
@pytest.mark.parametrize("errors", ["kept", "dropped"])
@pytest.mark.parametrize("ablation", ["zero", "mean", "corrupted"])
def test_a_circuit_is_what_the_plain_model_makes_of_it(features: Any, ablation: str, errors: str) -> None:
    table, tokens = features.table, features.table.run.tokens.tolist()
    target = logit_target(table, 5)
    bench = PromptBench(table, target, references(features))
    inside = set(local_circuit(FeatureEdgeRows(table), target, nodes=60, gate="absolute").names)
    halved = [name for name in sorted(inside) if ".f" in name or ".h" in name][:3]
    changes = bench.resolve_interventions({name: Intervention("scale", 0.5) for name in halved})
    factors = dict.fromkeys(halved, 0.5)
    slow, instead = slow_of(features, tokens, errors), slow_instead(features, ablation)
    for nodes, ours in (
        (set(), bench.ablated_value(ablation, errors)),
        (inside, bench.circuit_value(inside, ablation, errors)),
    ):
        assert ours == pytest.approx(float(slow_circuit(slow, nodes, instead)[5]), abs=1e-5, rel=1e-6)
    whole = slow_circuit(slow, inside, instead, whole=True)
    assert bench.circuit_value(inside, ablation, errors, is_complement=True) == pytest.approx(
        float(whole[5]), abs=1e-5, rel=1e-6
    )
    scaled = slow_circuit(slow, inside, instead, factors)
    ours = bench.circuit_value(inside, ablation, errors, changes)
    assert ours == pytest.approx(float(scaled[5]), abs=1e-5, rel=1e-6)
    assert ours != pytest.approx(bench.circuit_value(inside, ablation, errors), abs=1e-4)
    judged = bench.evaluate(inside, ablation, errors)
    span = target.value - judged.ablated
    assert judged.faithfulness == pytest.approx((judged.circuit - judged.ablated) / span)


@some
@pytest.mark.parametrize("errors", ["kept", "dropped"])
def test_changes_of_all_kinds_are_what_the_plain_model_does(features: Any, errors: str) -> None:
    """Predicted equals frozen; free equals the plain model; both from where the same way with errors starts."""
    table, tokens = features.table, features.table.run.tokens.tolist()
    target = logit_target(table, 5)
    bench = PromptBench(table, target, references(features))
    site = next(s for s in ("m2", "m0"))
    names = [table.node(int(table.features_at(site, at)[0])).name for at in (2, 4, 5, 6, 3)]
    actions = ["zero", "scale", "set", "mean", "corrupted"]
    given = {
        name: Intervention(action, {"scale": -1.5, "set": 2.25}.get(action, 1.0))
        for name, action in zip(names, actions, strict=True)
    }
    found = bench.check_interventions(given, errors)
    assert found.predicted == pytest.approx(found.frozen, abs=1e-5)
    values = {action: slow_instead(features, action) for action in ("mean", "corrupted")}
    slow = slow_of(features, tokens, errors)

    def change(at: str, value: Tensor) -> Tensor:
        for name, intervention in given.items():
            place, item, position = row(name)
            if place != at:
                continue
            own = value[position, item]
            other = {k: v[at].expand_as(value)[position, item] for k, v in values.items() if v is not None}
            value[position, item] = {"zero": 0 * own, "scale": own * -1.5, "set": 2.25, **other}[
                intervention.value
            ]
        return value

    start = float(slow.logits(lambda at, value: value)[5])
    assert found.before == pytest.approx(start, abs=1e-5, rel=1e-6)
    assert found.free == pytest.approx(float(slow.logits(change)[5]) - start, abs=1e-5, rel=1e-5)
    assert abs(found.free) > 1e-3


def test_the_demo_is_measured_as_the_plain_model_is() -> None:
    """The dictionaries that ship, on a name in a sentence: corrupted values, and three features taken out."""
    demo = load_model("demo")
    found = load_dictionaries([resource_path("demo", "dictionaries")], demo)
    table = node_table(run_prompt(demo, PROMPT), found)
    right, wrong = (demo.tokens.answer_id(PROMPT, name) for name in (" Mary", " John"))
    target = difference_target(table, [right], [wrong])
    other = run_prompt(demo, CORRUPTED)
    bench = PromptBench(table, target, {"corrupted": [other]})
    inside = set(local_circuit(FeatureEdgeRows(table), target, nodes=80, gate="absolute").names)
    out = [name for name in sorted(inside) if ".f" in name][::9][:3]
    hf = plain(DEMO)
    slow = SlowModel(hf, table.dictionaries, table.run.tokens.tolist())
    theirs = SlowModel(hf, table.dictionaries, other.tokens.tolist())
    theirs.logits(lambda site, value: value)

    def difference(logits: Tensor) -> float:
        return float(logits[right] - logits[wrong])

    for nodes in (set(), inside, inside - set(out)):
        ours = bench.circuit_value(nodes, "corrupted")
        assert ours == pytest.approx(difference(slow_circuit(slow, nodes, theirs.parts)), abs=2e-4)

    def change(site: str, value: Tensor) -> Tensor:
        for name in out:
            at, item, position = row(name)
            if at == site:
                value[position, item] = 0.0
        return value

    checked = bench.check_interventions({name: Intervention("zero") for name in out})
    assert checked.predicted == pytest.approx(checked.frozen, abs=1e-5)
    assert checked.free == pytest.approx(difference(slow.logits(change)) - target.value, abs=2e-4)


def test_errors_tokens_and_leaves_are_changed_inside_a_circuit(features: Any) -> None:
    """With nothing outside, not even what is not active, changes do what they do in the model."""
    table = features.table
    target = logit_target(table, 5)
    bench = PromptBench(table, target, references(features))
    named: dict[Any, str] = {}
    for index in range(len(table)):
        node = table.node(index)
        if node.kind not in (NodeKind.BIAS, NodeKind.POSITION) and node.position == 4:
            named.setdefault((node.kind, node.site), node.name)
    sae = [
        site
        for site, one in table.dictionaries.items()
        if one.site.part == "m" and not one.site.is_transcoder
    ]
    names = [name for name in named.values() if name.partition("@")[0] not in sae]
    assert {table.node(table.index(name)).kind for name in names} >= {
        NodeKind.FEATURE,
        NodeKind.ERROR,
        NodeKind.TOKEN,
    }
    changes = bench.resolve_interventions({name: Intervention("scale", 0.25) for name in names})
    nothing = np.zeros(len(table), dtype=bool)
    outside = OutsideAblation(
        table, nothing, bench.ablation_values("zero"), is_complement=True, changes=changes
    )
    ours = target_value_in(run_prompt(features.model, table.run.tokens, outside.hooks()), table, target)
    assert ours == pytest.approx(bench.changed_value(changes), abs=1e-6)
    assert ours != pytest.approx(target.value, abs=1e-4)


def test_features_of_a_site_with_errors_are_the_component(features: Any) -> None:
    """Taken out of a whole circuit together, they leave the component its biases, and so does the plain model."""
    table = features.table
    target = logit_target(table, 5)
    bench = PromptBench(table, target)
    site = next(s for s, one in table.dictionaries.items() if one.site.is_transcoder)
    one, layer = table.dictionaries[site], int(site[1:])
    names = [n.name for n in map(table.node, range(len(table))) if n.layer == layer and n.site == "m"]
    parts = [name for name in names if ".f" in name or ".error" in name or ".skip" in name]
    model = PlainComponent(features.hf, layer, one.decoder_bias)
    found = bench.check_interventions({name: Intervention("zero") for name in parts})
    right = float(model.logits(table.run.tokens)[5])
    assert target.value + found.free == pytest.approx(right, abs=1e-5, rel=1e-6)


class PlainComponent:
    """The plain model with one MLP that writes a constant."""

    def __init__(self, hf: Any, layer: int, constant: Tensor) -> None:
        body = hf.transformer.h if hf.config.model_type == "gpt2" else hf.gpt_neox.layers
        self.hf, self.mlp, self.constant = hf, body[layer].mlp, constant

    @torch.no_grad()
    def logits(self, tokens: Tensor) -> Tensor:
        handle = self.mlp.register_forward_hook(lambda module, given, out: self.constant.expand_as(out))
        try:
            return self.hf(tokens[None]).logits[0, -1]
        finally:
            handle.remove()


def test_what_was_measured_is_not_measured_again(features: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from circuitviz.features import prompt_bench

    runs = []
    plain_run = prompt_bench.run_prompt
    monkeypatch.setattr(prompt_bench, "run_prompt", lambda *given: runs.append(1) or plain_run(*given))
    bench = PromptBench(features.table, logit_target(features.table, 5))
    bench.evaluate([], "zero")
    before = len(runs)
    bench.evaluate([], "zero")
    assert len(runs) - before == before - 1  # all but the ablated model


def test_one_sweep_predicts_each_node_alone(features: Any) -> None:
    table, target = features.table, logit_target(features.table, 5)
    bench = PromptBench(table, target)
    for name in local_circuit(FeatureEdgeRows(table), target, nodes=20, gate="absolute").names:
        if name.startswith("position"):
            continue
        (change,) = bench.resolve_interventions({name: Intervention("zero")})
        ours = bench.predictions.effect_of(change)
        assert ours == pytest.approx(
            bench.check_interventions({name: Intervention("zero")}).predicted, rel=1e-6, abs=1e-9
        )


def test_an_ablation_without_values_is_refused(demo_features: Any) -> None:
    bench = PromptBench(demo_features.table, logit_target(demo_features.table, 5))
    assert bench.ablations == ("zero",)
    with pytest.raises(InputError, match="needs runs to take its values from"):
        bench.circuit_value([], "corrupted")
    with pytest.raises(InputError, match="no way with errors 'none'"):
        bench.baseline_value("none")
