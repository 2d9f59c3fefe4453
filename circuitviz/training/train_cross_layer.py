"""Training of a cross-layer transcoder: features of every layer rebuild what all later MLPs write, together.

Batch-top-k [bussmann2024batchtopk] in each layer, of activations times the length of all that a feature
writes; the running mean of the smallest kept becomes the threshold. Features that are never active learn from
what the others leave over [gao2024scaling].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import ComputationError, InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Passages
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.activation_pool import MAX_POOL_BYTES
from circuitviz.training.learner import AUXILIARY_LOSS_WEIGHT, DEAD_AFTER_TOKENS, THRESHOLD_DECAY
from circuitviz.training.recipe import DictionaryRecipe, TrainingPoint
from circuitviz.training.site_activations import capture_hook, token_index
from circuitviz.training.train_dictionary import REPORT_INTERVAL_STEPS, check_training_text, rate_factor


@dataclass(frozen=True, eq=False)
class TrainedCrossLayerTranscoder:
    """A cross-layer transcoder with the history of its training.

    Attributes:
        dictionaries: One for each layer.
        recipe: What decided the weights; features and sparsity are of each layer.
        history: Points of the training; loss and L0 are means over layers.
        is_complete: False where it was stopped.
    """

    dictionaries: tuple[Dictionary, ...]
    recipe: DictionaryRecipe
    history: tuple[TrainingPoint, ...]
    is_complete: bool


def train_cross_layer_steps(
    model: Model, passages: Passages, recipe: DictionaryRecipe
) -> ProgressSteps[TrainedCrossLayerTranscoder]:
    """Train a cross-layer transcoder on a text, from each MLP's input to the outputs of it and later ones.

    Args:
        model: The model.
        passages: The text.
        recipe: What decides the weights.

    Returns:
        A generator whose result is the transcoder; partial results are the transcoder so far.

    Raises:
        InputError: The text is too short, or the model has no MLPs.
        ComputationError: The loss is not finite.
    """
    if not model.shape.mlp:
        raise InputError(f"'{model.name}' has no MLPs, which a cross-layer transcoder rebuilds.")
    check_training_text(passages)
    yield Progress(0, recipe.steps, "Collecting activations")
    batches = _batches(model, passages, recipe)
    x, y = next(batches)
    learner = CrossLayerLearner(x, y, recipe)
    history: list[TrainingPoint] = []

    def trained(is_complete: bool) -> TrainedCrossLayerTranscoder:
        dictionaries = learner.to_dictionaries(model.name)
        return TrainedCrossLayerTranscoder(dictionaries, recipe, tuple(history), is_complete)

    for step in range(1, recipe.steps + 1):
        check_cancelled()
        learner.step(x, y, rate_factor(step - 1, recipe.steps))
        if step % REPORT_INTERVAL_STEPS == 0 or step == recipe.steps:
            history.append(TrainingPoint(step, *learner.take_averages()))
            if not history[-1].loss < float("inf"):
                raise ComputationError(
                    f"The training came apart at step {step}: its loss is no number. A learning rate below "
                    f"{recipe.rate:g} would be right."
                )
            yield Progress(step, recipe.steps, str(history[-1]), trained(False))
        x, y = next(batches)
    return trained(True)


class CrossLayerLearner:
    """Weights and optimiser of all layers.

    Inputs and targets are scaled, in each layer, to mean zero and a mean square of 1 per coordinate.

    Args:
        x: Inputs that the scales are measured on, [layer, token, d].
        y: Targets, [layer, token, d].
        recipe: Features, sparsity, rate and seed.
    """

    def __init__(self, x: Tensor, y: Tensor, recipe: DictionaryRecipe) -> None:
        self.recipe, self.n_layers = recipe, len(x)
        self.x_mean, self.y_mean = x.mean(1, keepdim=True), y.mean(1, keepdim=True)
        self.x_scale, self.y_scale = (
            (v - v.mean(1, keepdim=True)).square().mean((1, 2), True).sqrt() for v in (x, y)
        )
        draw, width, layers = torch.Generator().manual_seed(recipe.seed), x.shape[2], range(self.n_layers)
        shapes = [(recipe.features, self.n_layers - layer, width) for layer in layers]
        self.encoders = [torch.randn(width, recipe.features, generator=draw) / width**0.5 for _ in layers]
        self.decoders = [torch.randn(*shape, generator=draw) / (shape[1] * width) ** 0.5 for shape in shapes]
        self.biases = [torch.zeros(recipe.features) for _ in layers]
        self.decoder_bias = torch.zeros(self.n_layers, width)
        for group in (self.encoders, self.decoders, self.biases):
            group[:] = [nn.Parameter(tensor.to(x.device)) for tensor in group]
        self.decoder_bias = nn.Parameter(self.decoder_bias.to(x.device))
        weights = [*self.encoders, *self.decoders, *self.biases, self.decoder_bias]
        self.optimizer = torch.optim.Adam(weights, lr=recipe.rate, betas=(0.9, 0.99))
        self.threshold = x.new_zeros(self.n_layers)
        self.tokens_since_fired = x.new_zeros(self.n_layers, recipe.features)
        self._sums, self._steps = x.new_zeros(3), 0

    def step(self, x: Tensor, y: Tensor, rate_share: float) -> None:
        """Take one optimiser step on raw inputs and targets [layer, token, d]."""
        x, y = (x - self.x_mean) / self.x_scale, (y - self.y_mean) / self.y_scale
        pre = [(x[i] @ self.encoders[i] + self.biases[i]).relu() for i in range(self.n_layers)]
        active, smallest = zip(*map(self._keep_strongest, pre, self.decoders), strict=True)
        kept = [values * mask for values, mask in zip(pre, active, strict=True)]
        error = self._decode(kept) + self.decoder_bias[:, None] - y
        loss = error.square().mean()
        self.tokens_since_fired += x.shape[1]
        fired = torch.stack([mask.any(0) for mask in active])
        self.tokens_since_fired[fired] = 0
        total = loss + AUXILIARY_LOSS_WEIGHT * self._auxiliary_loss(pre, error.detach())
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * rate_share
        self.optimizer.step()
        now, decay = torch.stack(smallest), THRESHOLD_DECAY if self._steps else 0.0
        self.threshold = decay * self.threshold + (1 - decay) * now
        self._steps += 1
        n_active = sum(mask.sum() for mask in active) / x.shape[1] / self.n_layers
        self._sums += torch.stack([loss.detach(), n_active, torch.ones_like(loss)]).detach()

    def take_averages(self) -> tuple[float, float, float]:
        """Return mean loss and L0 over layers since the last call, and the share of dead features."""
        loss, active, steps = self._sums.tolist()
        self._sums.zero_()
        return loss / steps, active / steps, float(self._is_dead.float().mean())

    @torch.no_grad()
    def to_dictionaries(self, model: str) -> tuple[Dictionary, ...]:
        """Return a dictionary for each layer, on raw activations; copies."""
        made = []
        for layer in range(self.n_layers):
            encoder = self.encoders[layer] / self.x_scale[layer]
            decoder = self.decoders[layer] * self.y_scale[layer:, 0]
            length = self.decoders[layer].flatten(1).norm(dim=1).clamp_min(1e-8)
            made.append(
                Dictionary(
                    name=f"m{layer}",
                    architecture="cross_layer_transcoder",
                    site=DictionarySite(layer, "m", "normalised"),
                    encoder=encoder.clone(),
                    bias=self.biases[layer] - self.x_mean[layer, 0] @ encoder,
                    decoder=decoder[:, 0].clone(),
                    decoder_bias=self.decoder_bias[layer] * self.y_scale[layer, 0] + self.y_mean[layer, 0],
                    threshold=self.threshold[layer] / length,
                    later_decoder=decoder[:, 1:].clone(),
                    model=model,
                )
            )
        return tuple(made)

    def _keep_strongest(self, pre: Tensor, decoder: Tensor) -> tuple[Tensor, Tensor]:
        """Return which activations [token, features] of a layer are kept, and the size of the smallest."""
        scaled = pre.detach() * decoder.detach().flatten(1).norm(dim=1)
        number = min(self.recipe.sparsity * len(pre), scaled.numel())
        smallest = scaled.flatten().topk(number, sorted=False).values.min()
        return (scaled >= smallest) & (scaled > 0), smallest

    def _decode(self, activations: list[Tensor]) -> Tensor:
        """Return what activations by layer write to each layer, [layer, token, d]."""
        return torch.stack(
            [
                sum(
                    (activations[i] @ self.decoders[i][:, layer - i] for i in range(layer + 1)),
                    torch.zeros(()),
                )
                for layer in range(self.n_layers)
            ]
        )

    @property
    def _is_dead(self) -> Tensor:
        return self.tokens_since_fired > DEAD_AFTER_TOKENS

    def _auxiliary_loss(self, pre: list[Tensor], error: Tensor) -> Tensor:
        """Return the loss of the dead features on what the others leave over [gao2024scaling]."""
        if not bool(self._is_dead.any()):
            return error.new_zeros(())
        kept = []
        for values, is_dead in zip(pre, self._is_dead, strict=True):
            of_dead = values * is_dead
            best = of_dead.topk(min(max(1, error.shape[2] // 2), of_dead.shape[1]), dim=1)
            kept.append(torch.zeros_like(values).scatter(1, best.indices, best.values))
        return (self._decode(kept) + error).square().mean() / error.square().mean().clamp_min(1e-12)


@torch.no_grad()
def mlp_activations(model: Model, tokens: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return inputs and outputs of all MLPs at some tokens, [layer, token, d_model] each.

    Args:
        model: The model.
        tokens: [row, time].
        token_mask: Which tokens, bool [row, time], on the host.
    """
    check_cancelled()
    sites = [DictionarySite(layer, "m", "normalised").hooks for layer in range(model.shape.n_layers)]
    captured: dict[str, Tensor] = {}
    tokens, real = tokens.to(model.device), token_index(token_mask, model.device)
    with model.hooks({name: capture_hook(captured, name) for site in sites for name in site}):
        model.logits(tokens, torch.zeros_like(tokens[:, 0]))
    x, y = torch.stack([torch.stack([captured[name][real] for name in site]) for site in sites]).unbind(1)
    return x, y


def _collect(model: Model, passages: Passages, rows: list[int]) -> tuple[Tensor, Tensor]:
    """Return inputs and outputs of all MLPs on some rows of a text, [layer, token, d_model] each."""
    batches = passages.batches(rows)
    pairs = [mlp_activations(model, batch.tokens, batch.token_mask) for batch in batches]
    return torch.cat([x for x, _ in pairs], dim=1), torch.cat([y for _, y in pairs], dim=1)


def _batches(model: Model, passages: Passages, recipe: DictionaryRecipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs and targets [layer, token, d] without end: the text's rows in chunks, each shuffled."""
    draw = torch.Generator().manual_seed(recipe.seed + 1)
    token_bytes = 2 * 4 * model.shape.n_layers * model.shape.d_model
    rows_per_chunk = max(1, int(MAX_POOL_BYTES / token_bytes / passages.n_tokens * len(passages.rows)))
    chunks = torch.randperm(len(passages.rows), generator=draw).split(rows_per_chunk)
    chunk, number = _collect(model, passages, chunks[0].tolist()), 0
    while True:
        n_tokens = chunk[0].shape[1]
        order = torch.randperm(n_tokens, generator=draw)
        for start in range(0, max(1, n_tokens - recipe.batch + 1), recipe.batch):
            places = order[start : start + recipe.batch].to(chunk[0].device)
            yield chunk[0][:, places], chunk[1][:, places]
        number += 1
        if len(chunks) > 1:
            chunk = _collect(model, passages, chunks[number % len(chunks)].tolist())
