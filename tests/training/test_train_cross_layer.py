"""Training of cross-layer transcoders: the loss falls and is what it says; a stopped training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import Passages, run_prompt
from circuitviz.models import load_model
from circuitviz.progress import ProgressRunner, run_to_completion
from circuitviz.training import DictionaryRecipe, measure_cross_layer_steps, train_cross_layer_steps

RECIPE = DictionaryRecipe(features=24, sparsity=4, steps=50, batch=128, rate=5e-3)


@pytest.fixture(scope="module")
def text() -> Passages:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randint(5, 900, (16, 30), generator=draw).tolist()
    return Passages(tuple(map(tuple, rows)), False)


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("demo")


def test_the_loss_falls_and_the_transcoder_has_it(model: Any, text: Passages) -> None:
    runner = ProgressRunner(train_cross_layer_steps(model, text, RECIPE))
    partial = [step.partial for step in runner if step.partial is not None]
    trained = runner.result
    layers = model.shape.n_layers
    assert list(trained.history) == [f"m{i}" for i in range(layers)]
    assert all([point.step for point in points] == [25, 50] for points in trained.history.values())
    losses = [sum(points[i].loss for points in trained.history.values()) / layers for i in range(2)]
    assert losses[1] < 0.8 * losses[0]
    assert partial and not partial[0].is_complete and trained.is_complete
    assert [one.site.name for one in trained.dictionaries] == [f"m{i}" for i in range(layers)]
    assert [one.last_layer for one in trained.dictionaries] == [layers - 1] * layers
    left, whole, active = 0.0, 0.0, 0.0
    runs = [run_prompt(model, list(row)) for row in text.rows]
    with torch.no_grad():
        for layer in range(layers):
            rebuilt = 0
            for one in trained.dictionaries[: layer + 1]:
                read = torch.cat([run.dictionary_input(one)[1:] for run in runs])
                raw = read @ one.encoder + one.bias
                activation = raw * (raw > one.threshold)
                decoder = (
                    one.decoder
                    if one.site.layer == layer
                    else one.later_decoder[:, layer - one.site.layer - 1]
                )
                rebuilt = rebuilt + activation @ decoder
                active += float((activation > 0).sum(1).float().mean()) * (one.site.layer == layer) / layers
            wanted = torch.cat([run.mlp[layer][1:] for run in runs])
            spread = wanted - wanted.mean(0)
            left += float(
                (wanted - rebuilt - trained.dictionaries[layer].decoder_bias).square().sum()
                / spread.square().sum()
            )
            whole += 1
    measured = ProgressRunner(measure_cross_layer_steps(model, trained.dictionaries, text))
    list(measured)
    assert measured.result.tokens == text.n_tokens - len(text.rows) and len(measured.result.dead) == layers
    assert sum(measured.result.unexplained) == pytest.approx(left, rel=1e-4)
    assert sum(measured.result.l0) / layers == pytest.approx(active, rel=1e-5)
    assert left / whole == pytest.approx(losses[1], rel=0.25)
    assert 0.6 * RECIPE.sparsity < active < 1.4 * RECIPE.sparsity  # thresholds follow over 100 steps


def test_the_same_seed_gives_the_same_weights(model: Any, text: Passages) -> None:
    recipe = DictionaryRecipe(features=8, sparsity=2, steps=3, batch=64)
    both = []
    for _ in range(2):
        runner = ProgressRunner(train_cross_layer_steps(model, text, recipe))
        list(runner)
        both.append(runner.result.dictionaries)
    for first, second in zip(*both, strict=True):
        assert torch.equal(first.later_decoder, second.later_decoder) and torch.equal(first.bias, second.bias)


def test_a_stopped_training_goes_on_to_the_same_weights(model: Any, text: Passages, tmp_path: Path) -> None:
    recipe = DictionaryRecipe(features=8, sparsity=2, steps=50, batch=64)
    whole = run_to_completion(train_cross_layer_steps(model, text, recipe))
    state = tmp_path / "all.training"
    steps = train_cross_layer_steps(model, text, recipe, state)
    while next(steps).done < 25:
        pass
    steps.close()
    assert state.is_file()
    resumed = run_to_completion(train_cross_layer_steps(model, text, recipe, state))
    assert resumed.history == whole.history and not state.exists()
    for one, other in zip(resumed.dictionaries, whole.dictionaries, strict=True):
        assert torch.equal(one.later_decoder, other.later_decoder) and torch.equal(one.bias, other.bias)


@pytest.mark.parametrize(("more", "what"), [({"skip": True}, "--skip"), ({"activation": "top-k"}, "top-k")])
def test_what_its_files_cannot_hold_is_refused(
    model: Any, text: Passages, more: dict[str, Any], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        run_to_completion(train_cross_layer_steps(model, text, DictionaryRecipe(**more)))
