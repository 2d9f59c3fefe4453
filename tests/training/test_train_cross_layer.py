"""Training of cross-layer transcoders: the loss falls, is what it says, and one step is Adam's by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from circuitviz.features import Passages, run_prompt
from circuitviz.models import load_model
from circuitviz.progress import ProgressRunner
from circuitviz.training import DictionaryRecipe, measure_cross_layer_steps, train_cross_layer_steps
from circuitviz.training.train_cross_layer import CrossLayerLearner

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
    losses = [point.loss for point in trained.history]
    assert [point.step for point in trained.history] == [25, 50] and losses[1] < 0.8 * losses[0]
    assert len(partial) == 2 and not partial[0].is_complete and trained.is_complete
    layers = model.shape.n_layers
    assert [one.site.name for one in trained.dictionaries] == [f"m{i}" for i in range(layers)]
    assert [one.last_layer for one in trained.dictionaries] == [layers - 1] * layers
    left, whole, active = 0.0, 0.0, 0.0
    runs = [run_prompt(model, list(row)) for row in text.rows]
    with torch.no_grad():
        for layer in range(layers):
            rebuilt = 0
            for one in trained.dictionaries[: layer + 1]:
                read = torch.cat([run.dictionary_input(one) for run in runs])
                raw = read @ one.encoder + one.bias
                activation = raw * (raw > one.threshold)
                decoder = (
                    one.decoder
                    if one.site.layer == layer
                    else one.later_decoder[:, layer - one.site.layer - 1]
                )
                rebuilt = rebuilt + activation @ decoder
                active += float((activation > 0).sum(1).float().mean()) * (one.site.layer == layer) / layers
            wanted = torch.cat([run.mlp[layer] for run in runs])
            spread = wanted - wanted.mean(0)
            left += float(
                (wanted - rebuilt - trained.dictionaries[layer].decoder_bias).square().sum()
                / spread.square().sum()
            )
            whole += 1
    measured = ProgressRunner(measure_cross_layer_steps(model, trained.dictionaries, text))
    list(measured)
    assert measured.result.tokens == text.n_tokens and len(measured.result.dead) == layers
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


def test_one_step_descends_the_loss_written_out() -> None:
    draw = torch.Generator().manual_seed(3)
    x, y = (torch.randn(2, 40, 6, generator=draw) * 3 + 1 for _ in range(2))
    learner = CrossLayerLearner(x, y, DictionaryRecipe(features=5, sparsity=2, batch=40, rate=1e-2))
    before = copy.deepcopy((learner.encoders, learner.decoders, learner.decoder_bias))
    encoders, decoders, bias = before
    sx, sy = ((v - v.mean(1, keepdim=True)) for v in (x, y))
    sx, sy = (v / v.square().mean((1, 2), keepdim=True).sqrt() for v in (sx, sy))
    kept = []
    for layer in range(2):
        pre = (sx[layer] @ encoders[layer]).relu()
        size = pre * decoders[layer].square().sum((1, 2)).sqrt()
        least = size.flatten().sort(descending=True).values[2 * 40 - 1]
        kept.append(pre * (size >= least).detach())
        assert float(learner.threshold[layer]) == 0
    first = kept[0] @ decoders[0][:, 0] + bias[0]
    second = kept[0] @ decoders[0][:, 1] + kept[1] @ decoders[1][:, 0] + bias[1]
    loss = (torch.stack([first, second]) - sy).square().mean()
    gradients = torch.autograd.grad(loss, [encoders[0], decoders[0], decoders[1]])
    learner.step(x, y, 1.0)
    own = [learner.encoders[0], learner.decoders[0], learner.decoders[1]]
    for now, then, gradient in zip(own, [encoders[0], decoders[0], decoders[1]], gradients, strict=True):
        torch.testing.assert_close(now.grad, gradient)
        moved = gradient.abs() > 1e-6  # Adam's first step has the size of the rate
        torch.testing.assert_close((now - then)[moved], -1e-2 * gradient[moved].sign(), rtol=1e-2, atol=1e-4)
    assert learner.take_averages()[0] == pytest.approx(float(loss.detach()))
