"""Circuits of features measured in the real model, and dictionaries tried on both forms of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import (
    Dictionary,
    DictionarySite,
    FeatureEdgeRows,
    PromptBench,
    WeightProcessing,
    evaluate_prompt_circuit,
    fit_processing,
    local_circuit,
    logit_target,
    node_table,
    resolve_interventions,
    run_prompt,
    run_with_changes,
    target_value_in,
)
from circuitviz.graph import Intervention, NodeKind

OTHER = [0, 7, 9, 30, 4, 33, 8]

FOLDED = WeightProcessing(fold_ln=True, fold_value_biases=True)


def every(table: Any) -> list[str]:
    return [table.node(i).name for i in range(len(table))]


def test_the_whole_model_is_faithful_and_nothing_is_not(features: Any) -> None:
    table, target = features.table, logit_target(features.table, 5)
    other = run_prompt(features.model, OTHER)
    for ablation in ("zero", "mean", "corrupted"):
        nothing = evaluate_prompt_circuit(table, target, [], ablation, [other])
        assert nothing.faithfulness == pytest.approx(0) and nothing.completeness == pytest.approx(1)
        assert nothing.complement == pytest.approx(target.value, rel=1e-7) != nothing.ablated
    whole = evaluate_prompt_circuit(table, target, every(table), "zero")
    assert whole.circuit == pytest.approx(target.value, rel=1e-7) and whole.faithfulness == pytest.approx(1)


def test_a_circuit_is_what_changing_all_others_gives(features: Any) -> None:
    """The same as putting every other feature, head and MLP to zero one by one, active or not."""
    table, target = features.table, logit_target(features.table, 5)
    inside = set(local_circuit(FeatureEdgeRows(table), target, nodes=60, gate="absolute").names)
    parts = [
        node for node in map(table.node, range(len(table))) if node.kind in (NodeKind.HEAD, NodeKind.MLP)
    ]
    outside = {node.name: Intervention("zero") for node in parts if node.name not in inside}
    for site, one in table.dictionaries.items():
        names = [f"{site}.f{i}@{p}" for i in range(one.features) for p in range(table.run.time)]
        outside |= {n: Intervention("set", 0.0) for n in names if n not in inside}
        if one.site.part == "m" and not one.site.is_transcoder:  # its leaf is no part that is put to zero
            outside = {name: c for name, c in outside.items() if not name.startswith(f"{site}@")}
    right = target_value_in(run_with_changes(table, resolve_interventions(table, outside)), table, target)
    ours = evaluate_prompt_circuit(table, target, inside, "zero")
    assert ours.circuit == pytest.approx(right, rel=1e-7)
    assert ours.circuit != pytest.approx(ours.ablated)


def test_dropping_errors_changes_the_ablated_run(demo_features: Any) -> None:
    table, target = demo_features.table, logit_target(demo_features.table, 5)
    kept = evaluate_prompt_circuit(table, target, [], "zero")
    dropped = evaluate_prompt_circuit(table, target, [], "zero", errors="dropped")
    assert kept.ablated != pytest.approx(dropped.ablated) and kept.model == dropped.model
    replaced = target_value_in(run_with_changes(table, [], errors="dropped"), table, target)
    assert dropped.complement == pytest.approx(replaced, rel=1e-9)


def test_frozen_patterns_are_those_of_the_prompt_itself(demo: Any) -> None:
    """A circuit of heads and MLPs, against a forward written out head by head that holds its patterns."""
    model, tokens = demo.model, demo.task.clean[0, : int(demo.task.lengths[0])]
    table = node_table(run_prompt(model, tokens.tolist()), [])
    target = logit_target(table, int(demo.task.correct[0, 0]))
    inside = {
        node.name
        for node in map(table.node, range(len(table)))
        if (node.head or 0) % 3 == 0 and node.kind is not NodeKind.MLP
    }
    inside |= {f"m{layer}@{at}" for layer in range(4) for at in range(0, len(tokens), 2)}
    looked: dict[str, torch.Tensor] = {}
    at, slow = torch.tensor([len(tokens) - 1]), demo.slow
    slow.run(tokens[None], at, looked=looked)

    def gone(kept: set[str], patterns: dict[str, torch.Tensor]) -> float:
        def changed(sender: str, value: torch.Tensor) -> torch.Tensor:
            if sender == "input":
                return value
            nothing = torch.zeros_like(value)
            stays = torch.tensor([f"{sender}@{i}" in kept for i in range(len(tokens))])
            return torch.where(stays[None, :, None], value, nothing)

        logits, _ = slow.run(tokens[None], at, changed=changed, patterns=patterns)
        return float(logits[0, int(demo.task.correct[0, 0])])

    bench = PromptBench(table, target)
    for patterns, held in (("free", {}), ("frozen", looked)):
        found = bench.evaluate(inside, "zero", patterns=patterns)
        everything = set(every(table))
        assert found.circuit == pytest.approx(gone(inside, held), rel=1e-4)
        assert found.ablated == pytest.approx(gone(set(), held), rel=1e-4)
        assert found.complement == pytest.approx(gone(everything - inside, held), rel=1e-4)
    free, frozen = (bench.evaluate(inside, "zero", patterns=patterns) for patterns in ("free", "frozen"))
    assert abs(free.faithfulness - frozen.faithfulness) > 1e-3 and free.model == frozen.model


def test_wrong_settings_are_refused(demo_features: Any) -> None:
    table, target = demo_features.table, logit_target(demo_features.table, 5)
    for options, message in (
        ({"ablation": "means"}, "Did you mean 'mean'"),
        ({"ablation": "mean"}, "needs runs to take its values from"),
        ({"ablation": "zero", "errors": "some"}, "kept, dropped"),
        ({"ablation": "zero", "nodes": ["m9.f1@0"]}, "m9.f1@0"),
        ({"ablation": "corrupted", "references": [run_prompt(demo_features.model, [1])]}, "of 7 tokens"),
    ):
        given: dict[str, Any] = {"nodes": [], **options}
        with pytest.raises(InputError, match=message):
            evaluate_prompt_circuit(table, target, **given)


def _perfect(run: Any, site: DictionarySite, processing: WeightProcessing) -> Dictionary:
    """Reconstructs exactly what it reads in one form of the model: identity, twice, with both signs."""
    width = 128
    eye = torch.eye(width, dtype=torch.float64)
    one = Dictionary(
        name="perfect",
        architecture="standard",
        site=site,
        encoder=torch.cat([eye, -eye], 1),
        bias=torch.zeros(2 * width, dtype=torch.float64),
        decoder=torch.cat([eye, -eye]),
        decoder_bias=torch.zeros(width, dtype=torch.float64),
        processing=processing,
    )
    return one


def test_the_form_of_the_model_that_fits_is_found(demo_features: Any) -> None:
    """A transcoder fitted by least squares on the folded input, said to be of the raw model."""
    run, site = demo_features.table.run, DictionarySite(2, "m", "normalised")
    draw = torch.Generator().manual_seed(0)
    prompts = [torch.randint(2, 1200, (40,), generator=draw).tolist() for _ in range(12)]
    runs = [run_prompt(demo_features.model, prompt) for prompt in prompts]
    model = _perfect(run, site, FOLDED)
    x = torch.cat([r.dictionary_input(model)[1:] for r in runs])
    y = torch.cat([r.dictionary_target(model)[1:] for r in runs])
    solved = torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1), y).solution
    weights, bias = solved[:-1], solved[-1]
    linear = replace(
        model, decoder=torch.cat([weights, -weights]), decoder_bias=bias, architecture="transcoder"
    )
    right = fit_processing(linear, runs)
    assert right.dictionary.processing == FOLDED and right.warning == ""
    assert (
        right.unexplained_by_processing[FOLDED]
        < 0.5
        < right.unexplained_by_processing[WeightProcessing(fold_value_biases=True)]
    )
    wrong = fit_processing(replace(linear, processing=WeightProcessing()), runs)
    assert wrong.dictionary.processing == WeightProcessing(fold_ln=True)
    assert "fits a model with the weight processing 'fold_ln'" in wrong.warning


def test_a_dictionary_of_another_layer_is_warned_of(demo_features: Any) -> None:
    table = demo_features.table
    random = table.dictionaries["m1"]
    several = [run_prompt(demo_features.model, [0, *range(first, first + 12)]) for first in (5, 30, 50)]
    assert "it was made for another model" in fit_processing(random, several).warning
    on_few = fit_processing(random, [table.run]).warning
    assert "on 6 tokens, which are too few" in on_few and "was made for another" not in on_few
    perfect = _perfect(table.run, DictionarySite(1, "a", "z"), WeightProcessing())
    exact = fit_processing(perfect, [table.run])
    assert (
        exact.unexplained_by_processing[WeightProcessing()] == pytest.approx(0, abs=1e-12)
        and not exact.warning
    )
    with pytest.raises(InputError, match="at least two tokens"):
        fit_processing(perfect, [run_prompt(demo_features.model, [3])])
