"""Claims about features are what a loop over prompts on the plain model gives, with the files' own tensors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case
from safetensors.torch import load_file
from slow_features import EVERY_KIND, random_dictionaries
from slow_path import DEMO, plain

from circuitviz.discovery import make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation.claims import ClaimSubject, applicable_claim_tests, claim_prompts, claim_test_steps
from circuitviz.features import (
    Dictionary,
    WeightProcessing,
    load_dictionaries,
    node_table,
    resolve_interventions,
    run_prompt,
    run_with_changes,
)
from circuitviz.features.feature_activations import (
    HeldFeature,
    feature_activations,
    find_feature,
    run_with_held_features,
)
from circuitviz.graph import Intervention
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks.counterfactuals import counterfactual_task

SHIPPED = Path(str(resource_path("demo", "dictionaries")))
SITES = {
    "demo": EVERY_KIND,
    "neox": {"a1": "topk", "m1": "transcoder", "m2": "standard/written"},
}


@pytest.fixture(scope="module")
def shipped(demo: Case) -> tuple[Dictionary, ...]:
    return load_dictionaries([SHIPPED], demo.model)


@pytest.fixture(scope="module")
def hf() -> Any:
    """The demo by nothing but transformers."""
    return plain(DEMO)


class Slow:
    """One prompt at a time through the plain model, features of one site set to given values."""

    def __init__(self, hf: Any, site: str) -> None:
        self.hf, self.site, self.layer = hf, site, int(site[1:])
        self.tensors = load_file(SHIPPED / site / "sae_weights.safetensors")

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        value = x @ self.tensors["W_enc"] + self.tensors["b_enc"]
        return value.relu() * (value > self.tensors["threshold"])

    @torch.no_grad()
    def run(
        self, tokens: list[int], feature: int, value: list[float | None]
    ) -> tuple[torch.Tensor, list[float]]:
        """The last position's logits, and the feature's activations before it was set."""
        block, seen = self.hf.transformer.h[self.layer], []

        def more(x: torch.Tensor) -> torch.Tensor:
            own = self.encode(x[0])[:, feature]
            seen.extend(own.tolist())
            wanted = torch.tensor([o if v is None else v for o, v in zip(own.tolist(), value, strict=True)])
            return (wanted - own)[:, None] * self.tensors["W_dec"][feature]

        if self.site[0] == "a":
            hooks = [block.attn.c_proj.register_forward_pre_hook(lambda _, x: (x[0] + more(x[0])[None],))]
        else:
            kept: list[torch.Tensor] = []
            hooks = [
                block.ln_2.register_forward_hook(lambda _m, _x, y: kept.append(y)),
                block.mlp.register_forward_hook(lambda _m, _x, y: y + more(kept[-1])[None]),
            ]
        try:
            logits = self.hf(torch.tensor([tokens])).logits[0, -1]
        finally:
            for hook in hooks:
                hook.remove()
        return logits, seen


def rows(task: Any, tokens: torch.Tensor) -> list[list[int]]:
    return [row[:n] for row, n in zip(tokens.tolist(), task.lengths.tolist(), strict=True)]


def claimed(demo: Case, dictionaries: tuple[Dictionary, ...], *nodes: str) -> ClaimSubject:
    return ClaimSubject(make_setting(demo.model, demo.task), nodes, dictionaries=dictionaries)


@pytest.mark.parametrize(
    ("site", "feature", "where"), [("a2", 719, "all"), ("m3", 14, "all"), ("a2", 719, "END")]
)
def test_activation_is_the_largest_of_each_prompt(
    demo: Case, hf: Any, shipped: Any, site: str, feature: int, where: str
) -> None:
    about = claimed(demo, shipped, f"{site}.f{feature}@3")
    found = run_to_completion(
        claim_test_steps("activation", about, counterfactual="name-swapped", where=where, prompts=6)
    )
    pairs, slow = counterfactual_task("name-swapped", demo.model, demo.task, 6), Slow(hf, site)
    first = 0 if where == "all" else -1
    means = [
        np.mean([max(slow.run(row, feature, [None] * len(row))[1][first:]) for row in rows(pairs, tokens)])
        for tokens in (pairs.clean, pairs.corrupted)
    ]
    assert found.effect.value == pytest.approx(means[0] - means[1], abs=1e-4)
    assert found.extra_numbers["clean"] == pytest.approx(means[0], abs=1e-4)
    assert (found.prompts, found.prompts_hash, found.seed) == (6, pairs.hash, 0)


@pytest.mark.parametrize(("site", "feature"), [("a2", 719), ("m3", 424)])
@pytest.mark.parametrize("change", ["zero", "counterfactual"])
@pytest.mark.parametrize("where", ["all", "END"])
def test_the_effect_is_of_the_feature_alone(
    demo: Case, hf: Any, shipped: Any, site: str, feature: int, change: str, where: str
) -> None:
    about = claimed(demo, shipped, f"{site}.f{feature}")
    found = run_to_completion(claim_test_steps("feature-effect", about, change=change, where=where))
    slow, task, values = Slow(hf, site), demo.task, []
    for i, (clean, other) in enumerate(zip(rows(task, task.clean), rows(task, task.corrupted), strict=True)):
        to: list[float | None] = [0.0] * len(clean)
        if change == "counterfactual":
            to = [*slow.run(other, feature, [None] * len(other))[1]]
        if where == "END":
            to = [*[None] * (len(clean) - 1), to[-1]]
        right, wrong = ([t for t in row.tolist() if t >= 0] for row in (task.correct[i], task.incorrect[i]))
        logits = [slow.run(clean, feature, v)[0] for v in ([None] * len(clean), to)]
        values.append([float(x[right].mean() - x[wrong].mean()) for x in logits])
    before, after = np.mean(values, axis=0)
    assert found.effect.value == pytest.approx((after - before) / abs(before), abs=1e-4)
    assert found.extra_numbers["changed"] == pytest.approx(after, abs=1e-3)


@pytest.mark.parametrize("name", ["demo", "neox"])
def test_a_batch_is_its_prompts_one_by_one(name: str, request: pytest.FixtureRequest) -> None:
    from conftest import make_case

    case = make_case(name)
    given = random_dictionaries(case.model, SITES[name], 40)
    tokens, last = case.task.clean, case.task.lengths - 1
    tables = [node_table(run_prompt(case.model, row), given) for row in rows(case.task, tokens)]
    for one in given:
        feature = find_feature(f"{one.site.name}.f7", [one.to(tables[0].run.final)])
        at = torch.arange(tokens.shape[1])[None] < case.task.lengths[:, None]
        logits, _ = run_with_held_features(
            case.model, tokens, last, [HeldFeature(feature, torch.full(at.shape, 0.7), at)]
        )
        fires = feature_activations(case.model, tokens, [feature])[0]
        for row, table in enumerate(tables):
            own = feature.dictionary.encode(table.run.dictionary_input(one))[:, 7]
            torch.testing.assert_close(fires[row, : table.run.time], own.to(fires), rtol=1e-3, atol=1e-4)
            wanted = {f"{one.site.name}.f7@{t}": Intervention("set", 0.7) for t in range(table.run.time)}
            run = run_with_changes(table, resolve_interventions(table, wanted))
            torch.testing.assert_close(logits[row], run.logits, rtol=1e-3, atol=1e-3)


def test_another_feature_is_a_target(demo: Case, shipped: Any) -> None:
    """Setting a feature of the first layer to zero moves a later one as two runs, one by one, say."""
    later, most = find_feature("a2.f719", shipped), 0.0
    for i in range(60):
        one = find_feature(f"m0.f{i}", shipped)
        if (total := float(feature_activations(demo.model, demo.task.clean, [one]).sum())) > most:
            cause, most = one, total
    found = run_to_completion(
        claim_test_steps(
            "feature-effect",
            claimed(demo, shipped, cause.name),
            effect_on="a2.f719",
            expect="stays",
            least=5.0,
        )
    )
    values = []
    for row in rows(demo.task, demo.task.clean):
        table = node_table(run_prompt(demo.model, row), shipped)
        wanted = {f"{cause.name}@{t}": Intervention("zero") for t in range(len(row))}
        for changes in ({}, wanted):
            run = run_with_changes(table, resolve_interventions(table, changes))
            values.append(
                float(later.dictionary.encode(run.dictionary_input(later.dictionary))[:, 719].max())
            )
    a, b = np.mean(values[::2]), np.mean(values[1::2])
    assert found.effect.value == pytest.approx((b - a) / a, abs=1e-4) and abs(found.effect.value) > 1e-3
    assert found.verdict == "holds" and "a2.f719" in found.effect_description


def test_what_a_feature_test_cannot_do_is_told(demo: Case, shipped: Any) -> None:
    def test(name: str, *nodes: str, about: ClaimSubject | None = None, **options: object) -> None:
        run_to_completion(claim_test_steps(name, about or claimed(demo, shipped, *nodes), **options))

    with pytest.raises(InputError, match="'a1.h2' is no feature"):
        test("activation", "a1.h2")
    with pytest.raises(InputError, match="No dictionary of m9 is open.*open: a0, m0"):
        test("activation", "m9.f1")
    with pytest.raises(InputError, match="has 512 features"):
        test("feature-effect", "m3.f512")
    with pytest.raises(InputError, match="stands at no position"):
        test("activation", "m3.f14", where="own")
    with pytest.raises(InputError, match="is the feature that is set"):
        test("feature-effect", "a2.f719@3", effect_on="a2.f719")
    every = [find_feature(f"m3.f{i}", shipped) for i in range(512)]
    silent = int(feature_activations(demo.model, demo.task.clean, every).amax((1, 2)).argmin())
    with pytest.raises(InputError, match="fires on none of these 6 prompts"):
        test("feature-effect", f"m3.f{silent}")
    alone = ClaimSubject(None, ("a2.f719@16",), dictionaries=shipped, prompt_model=demo.model)
    with pytest.raises(InputError, match=r"of one prompt without a counterfactual.*greater-than, ioi"):
        test("activation", about=alone)
    found = run_to_completion(claim_test_steps("activation", alone, counterfactual="ioi", prompts=3))
    assert found.prompts == 3
    found = run_to_completion(
        claim_test_steps("activation", alone, counterfactual="order-swapped", prompts=3)
    )
    assert found.prompts == 3


def test_a_dictionary_is_read_in_the_form_that_fits(
    demo: Case, shipped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files seldom say which form of the model they were trained on; here the other one is said to fit."""
    looked: list[int] = []

    def fitted(given: list[Dictionary], runs: list[Any]) -> tuple[list[Dictionary], list[str]]:
        looked.append(len(runs))
        return [replace(one, processing=WeightProcessing(True, True)) for one in given], [
            "It fits a folded model."
        ]

    raw = claimed(demo, shipped, "m1.f20", "m3.f424")
    folded = replace(
        raw, dictionaries=[replace(one, processing=WeightProcessing(True, True)) for one in shipped]
    )
    one, other = (run_to_completion(claim_test_steps("activation", about)) for about in (raw, folded))
    assert one.effect != other.effect
    monkeypatch.setattr(claim_prompts, "fit_dictionaries", fitted)
    found = run_to_completion(claim_test_steps("activation", raw))
    assert found.effect == other.effect and found.detail.endswith("It fits a folded model.") and looked == [4]


def test_what_is_offered_suits_the_label() -> None:
    assert applicable_claim_tests(["m3.f14@7", "a2.f1"]) == ["activation", "feature-effect"]
    assert (
        applicable_claim_tests(["a2.h6"])
        == applicable_claim_tests(["a2.h6", "m3.f14"])
        == ["answer", "attention", "role"]
    )
