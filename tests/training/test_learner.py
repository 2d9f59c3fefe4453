"""One step of each kind of training, against autograd of the loss written out here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from circuitviz.features.sites import DictionarySite
from circuitviz.training.activation_rules import BANDWIDTH, FIRST_PENALTY, PENALTY_GAIN, TARGET_WEIGHT
from circuitviz.training.activation_scaling import ActivationScaling
from circuitviz.training.cross_layer_learner import CrossLayerLearner
from circuitviz.training.feature_layer import AUXILIARY_LOSS_WEIGHT, DEAD_AFTER_TOKENS
from circuitviz.training.learner import Learner
from circuitviz.training.recipe import DictionaryRecipe

SAE, TRANSCODER = DictionarySite(0, "a", "z"), DictionarySite(0, "m", "normalised")
TOKENS = 40


def make_batch(seed: int = 3, d_in: int = 6, d_out: int = 6) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(TOKENS, d_in, generator=draw) * 3 + 1
    return x, torch.randn(TOKENS, d_out, generator=draw) - 2


def make_learner(site: DictionarySite, recipe: DictionaryRecipe, batch: tuple[Tensor, Tensor]) -> Learner:
    learner = Learner([site], [ActivationScaling.measure(*batch)], recipe)
    draw = torch.Generator().manual_seed(1)
    for tensor in learner.parameters.values():  # decoders of several lengths, biases that are not 0
        tensor.data += 0.3 * torch.randn(tensor.shape, generator=draw)
    return learner


def standardise(x: Tensor) -> Tensor:
    x = x - x.mean(0)
    return x / x.square().mean().sqrt()


def sizes_of(p: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    before = x @ p["encoder"] + p["encoder_bias"]
    return before, before * p["decoder"].norm(dim=1)


def least_kept(size: Tensor, k: int) -> Tensor:
    return size.flatten().sort(descending=True).values[k * len(size) - 1]


def loss_of(kind: str, p: dict[str, Tensor], x: Tensor, y: Tensor, sparsity: int, steps: int) -> Tensor:
    before, size = sizes_of(p, x)
    extra: Any = 0.0
    if kind == "batch-top-k":
        active = (size >= least_kept(size, sparsity)) & (size > 0)
    elif kind == "top-k":
        active = (size >= size.sort(dim=1, descending=True).values[:, sparsity - 1 : sparsity]) & (size > 0)
    else:
        active = size > 0
        over = torch.log(active.sum() / len(x) / sparsity).clamp(-1, 1)
        penalty = FIRST_PENALTY * torch.exp(PENALTY_GAIN / steps * over)
        extra = penalty * (size * active).sum() / len(x)
    rebuilt = (before * active) @ p["decoder"] + p["decoder_bias"]
    if "skip" in p:
        rebuilt = rebuilt + x @ p["skip"].T
    return (rebuilt - y).square().mean() + extra


@pytest.mark.parametrize("features", [5, 40])  # a few active of many are summed, else matrices multiplied
@pytest.mark.parametrize("kind", ["batch-top-k", "top-k", "relu"])
@pytest.mark.parametrize(("site", "skip"), [(SAE, False), (TRANSCODER, False), (TRANSCODER, True)])
def test_gradients_are_those_of_the_loss(kind: str, site: DictionarySite, skip: bool, features: int) -> None:
    x, y = make_batch(d_out=6 if site == SAE else 4)
    y = x if site == SAE else y
    recipe = DictionaryRecipe(features, 2, steps=80, batch=TOKENS, activation=kind, skip=skip)
    learner = make_learner(site, recipe, (x, y))
    p = {
        name.partition(".")[2]: tensor.detach().clone().requires_grad_()
        for name, tensor in learner.parameters.items()
    }
    loss = loss_of(kind, p, standardise(x), standardise(y), 2, recipe.steps)
    loss.backward()
    learner.step([(x, y)], 1.0)
    for name, tensor in p.items():
        own = learner.parameters[f"{site.name}.{name}"]
        torch.testing.assert_close(own.grad, tensor.grad, rtol=1e-4, atol=1e-6)
        moved = tensor.grad.abs() > 1e-5  # Adam's first step has the size of the rate
        torch.testing.assert_close(
            (own - tensor)[moved], -recipe.rate * tensor.grad[moved].sign(), rtol=1e-2, atol=1e-5
        )
    shown_loss, shown_l0, _ = learner.averages()[0]
    _, size = sizes_of(p, standardise(x))
    if kind != "relu":
        assert shown_loss == pytest.approx(float(loss.detach()), rel=1e-5)
        assert shown_l0 <= 2
    else:
        assert shown_l0 == pytest.approx(float((size > 0).sum()) / TOKENS)


class _Step(torch.autograd.Function):
    """The straight-through estimator of [rajamanoharan2024jumprelu], elementwise."""

    @staticmethod
    def forward(context: Any, size: Tensor, threshold: Tensor) -> Tensor:
        context.save_for_backward(size, threshold)
        return (size > threshold).float()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        size, threshold = context.saved_tensors
        width = BANDWIDTH * threshold
        near = ((size - threshold).abs() < width / 2).float()
        return None, (-near / width * gradients[0]).sum(0)


def test_thresholds_of_jump_relu_learn_by_the_straight_through_estimator() -> None:
    x, _ = make_batch()
    recipe = DictionaryRecipe(12, 3, steps=20, batch=TOKENS, activation="jump-relu")
    learner = make_learner(SAE, recipe, (x, x))
    for _ in range(2):  # before, thresholds are those of batch-top-k
        learner.step([(x, x)], 1.0)
    p = {
        name.partition(".")[2]: tensor.detach().clone().requires_grad_()
        for name, tensor in learner.parameters.items()
    }
    scaled = standardise(x)
    before, size = sizes_of(p, scaled)
    threshold = p["log_threshold"].exp()
    gate = _Step.apply(size.detach(), threshold)
    # of an activation near its threshold what counts is the threshold, as in the paper's estimator
    at_threshold = torch.where(gate.detach() > 0, before, before.detach())
    value = at_threshold * gate.detach() + (threshold / p["decoder"].norm(dim=1)).detach() * (
        gate - gate.detach()
    )
    l0 = gate.sum() / TOKENS
    rebuilt = value @ p["decoder"] + p["decoder_bias"]
    loss = (rebuilt - scaled).square().mean() + TARGET_WEIGHT * (l0 / 3 - 1) ** 2
    loss.backward()
    learner.step([(x, x)], 1.0)
    for name, tensor in p.items():
        own = learner.parameters[f"a0.{name}"]
        torch.testing.assert_close(own.grad, tensor.grad, rtol=1e-4, atol=1e-6)


def test_dead_features_learn_from_what_the_others_leave() -> None:
    x, _ = make_batch()
    recipe = DictionaryRecipe(9, 2, steps=80, batch=TOKENS)
    learner = make_learner(SAE, recipe, (x, x))
    layer = learner.layers[0]
    dead = [1, 4, 7]
    layer.encoder_bias.data[dead] = -2.0  # weaker than the others at most tokens, above 0 at some
    layer.tokens_since_fired[dead] = DEAD_AFTER_TOKENS
    p = {
        name.partition(".")[2]: tensor.detach().clone().requires_grad_()
        for name, tensor in learner.parameters.items()
    }
    scaled = standardise(x)
    before, size = sizes_of(p, scaled)
    active = (size >= least_kept(size, 2)) & (size > 0)
    still_dead = [f for f in dead if not active[:, f].any()]
    assert still_dead
    error = (before * active) @ p["decoder"] + p["decoder_bias"] - scaled
    of_dead = before[:, still_dead].relu()
    least = of_dead.sort(dim=1, descending=True).values[:, [min(3, len(still_dead)) - 1]]
    left = (of_dead * (of_dead >= least)) @ p["decoder"][still_dead] + error.detach()
    share = left.square().sum() / error.detach().square().sum()
    (error.square().mean() + AUXILIARY_LOSS_WEIGHT * share).backward()
    learner.step([(x, x)], 1.0)
    for name, tensor in p.items():
        torch.testing.assert_close(learner.parameters[f"a0.{name}"].grad, tensor.grad, rtol=1e-4, atol=1e-6)
    assert learner.averages()[0][2] == pytest.approx(len(still_dead) / 9)


def test_a_cross_layer_step_descends_the_loss_written_out() -> None:
    sites = [DictionarySite(layer, "m", "normalised") for layer in range(2)]
    batch = [make_batch(seed) for seed in (5, 6)]
    recipe = DictionaryRecipe(features=5, sparsity=2, batch=TOKENS, rate=1e-2)
    learner = CrossLayerLearner(sites, [ActivationScaling.measure(*one) for one in batch], recipe)
    p = {name: tensor.detach().clone().requires_grad_() for name, tensor in learner.parameters.items()}
    kept, wanted = [], [standardise(y) for _, y in batch]
    for layer, (x, _) in enumerate(batch):
        of_layer = {name: p[f"m{layer}.{name}"] for name in ("encoder", "encoder_bias", "decoder")}
        before, size = sizes_of(of_layer, standardise(x))
        kept.append(before * ((size >= least_kept(size, 2)) & (size > 0)))
    first = kept[0] @ p["m0.decoder"][:, :6] + p["m0.decoder_bias"]
    second = kept[0] @ p["m0.decoder"][:, 6:] + kept[1] @ p["m1.decoder"] + p["m1.decoder_bias"]
    loss = (torch.stack([first, second]) - torch.stack(wanted)).square().mean()
    loss.backward()
    learner.step(batch, 1.0)
    for name, tensor in p.items():
        own = learner.parameters[name]
        torch.testing.assert_close(own.grad, tensor.grad, rtol=1e-4, atol=1e-6)
        moved = tensor.grad.abs() > 1e-6  # Adam's first step has the size of the rate
        torch.testing.assert_close(
            (own - tensor)[moved], -1e-2 * tensor.grad[moved].sign(), rtol=1e-2, atol=1e-4
        )
    assert sum(one[0] for one in learner.averages()) / 2 == pytest.approx(float(loss.detach()))
