"""Quality of dictionaries, measured on text that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from circuitviz.errors import InputError
from circuitviz.features.cross_layer import SiteReconstructions
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import PassageBatch, Passages
from circuitviz.models import Model
from circuitviz.models.model import Hook
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.site_activations import capture_hook, token_index

MAX_LOGITS = 2**23  # logits at once


@dataclass(frozen=True)
class DictionaryQuality:
    """A dictionary's figures over the tokens of a text, without beginnings of sequence.

    Attributes:
        features: Number of features.
        tokens: Number of tokens.
        unexplained: Σ‖y − ŷ‖² / Σ‖y − ȳ‖².
        l0: Active features for each token.
        dead: Share of the features that are active at no token.
        recovered: (loss with zeros in the site's place − with ŷ) / (loss with zeros − loss).
        loss: Next-token cross-entropy of the model, in nats.
        loss_spliced: The same with ŷ in the site's place.
    """

    features: int
    tokens: int
    unexplained: float
    l0: float
    dead: float
    recovered: float
    loss: float
    loss_spliced: float


def measure_dictionary_steps(
    model: Model, dictionary: Dictionary, passages: Passages
) -> ProgressSteps[DictionaryQuality]:
    """Measure one dictionary; three passes over the text."""
    yield Progress(0, 2, f"Measuring {dictionary.name}")
    sums = yield from _measure_fit(model, dictionary, passages)
    loss, spliced, zeroed = yield from _measure_losses(model, [dictionary], passages)
    return DictionaryQuality(
        features=dictionary.features,
        tokens=sums.tokens,
        unexplained=sums.unexplained,
        l0=float(sums.times_fired.sum()) / sums.tokens,
        dead=float((sums.times_fired == 0).double().mean()),
        recovered=_loss_recovered(loss, spliced, zeroed),
        loss=loss,
        loss_spliced=spliced,
    )


def loss_recovered_steps(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages
) -> ProgressSteps[float]:
    """Measure the loss recovered with all dictionaries in the model at once."""
    loss, spliced, zeroed = yield from _measure_losses(model, dictionaries, passages)
    return _loss_recovered(loss, spliced, zeroed)


def _loss_recovered(loss: float, spliced: float, zeroed: float) -> float:
    """Return the share of the loss recovered; NaN where zero ablation does not increase the loss."""
    return (zeroed - spliced) / (zeroed - loss) if zeroed > loss else float("nan")


class _FitSums:
    """Sums over tokens in double precision; the variance is about the mean that is known at the end."""

    def __init__(self, dictionary: Dictionary, device: torch.device) -> None:
        self._dictionary = dictionary
        self.tokens = 0
        self.times_fired = torch.zeros(dictionary.features, dtype=torch.double, device=device)
        self._errors = torch.zeros((), dtype=torch.double, device=device)
        self._squares = torch.zeros((), dtype=torch.double, device=device)
        self._sum = torch.zeros(dictionary.d_out, dtype=torch.double, device=device)

    def add_tokens(self, x: Tensor, y: Tensor) -> None:
        """Add tokens: x [token, d_in], y [token, d_out]."""
        dictionary = self._dictionary
        features = dictionary.encode(x)
        rebuilt = (
            dictionary.decode(features)
            if dictionary.skip is None
            else dictionary.decode(features) + x @ dictionary.skip.T
        )
        self.times_fired += (features > 0).sum(0).double()
        self._errors += (y - rebuilt).double().square().sum()
        self._squares += y.double().square().sum()
        self._sum += y.double().sum(0)
        self.tokens += len(x)

    @property
    def unexplained(self) -> float:
        """Share of the variance about the mean."""
        return float(self._errors / (self._squares - self._sum.square().sum() / self.tokens))


@torch.no_grad()
def _measure_fit(model: Model, dictionary: Dictionary, passages: Passages) -> ProgressSteps[_FitSums]:
    dictionary = dictionary.to(model.empty_stream)
    sums = _FitSums(dictionary, model.device)
    hook, hook_out = dictionary.site.hooks
    for batch in passages.batches():
        captured: dict[str, Tensor] = {}
        tokens = batch.tokens.to(model.device)
        with model.hooks({name: capture_hook(captured, name) for name in (hook, hook_out)}):
            model.logits(tokens, torch.zeros_like(tokens[:, 0]))
        real = batch.token_mask.clone()
        real[:, : int(passages.bos)] = False
        index = token_index(real, model.device)
        sums.add_tokens(captured[hook].flatten(2)[index], captured[hook_out].flatten(2)[index])
        yield Progress(sums.tokens / passages.n_tokens, 2, f"Measuring {dictionary.name}")
    if sums.tokens < 2:
        raise InputError("The text has fewer than two tokens; a dictionary's figures need more.")
    return sums


def _measure_losses(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages
) -> ProgressSteps[tuple[float, float, float]]:
    """Measure the mean next-token loss of the model, with dictionaries spliced in, and with zeros."""
    dictionaries = [dictionary.to(model.empty_stream) for dictionary in dictionaries]
    zeros: dict[str, Hook] = {dictionary.site.hooks[1]: torch.zeros_like for dictionary in dictionaries}
    cases: tuple[dict[str, Hook], ...] = ({}, splice_hooks(dictionaries), zeros)
    sums, count = torch.zeros(3, dtype=torch.double, device=model.device), 0
    at_once = max(256, MAX_LOGITS // model.tokens.vocabulary_size)
    for batch in passages.batches(max_tokens=at_once):
        predicted = batch.token_mask[:, 1:]
        for case, hooks in enumerate(cases):
            with torch.no_grad(), model.hooks(hooks):
                sums[case] += _batch_loss(model, batch)
        count += int(predicted.sum())
        yield Progress(1 + count / passages.n_tokens, 2, "Measuring the loss recovered")
    loss, spliced, zeroed = (sums / max(1, count)).tolist()
    return loss, spliced, zeroed


def splice_hooks(dictionaries: Sequence[Dictionary]) -> dict[str, Hook]:
    """Return hooks that put each dictionary's reconstruction in its output's place, without errors."""
    hooks: dict[str, Hook] = {}
    reconstructions = SiteReconstructions({dictionary.site.name: dictionary for dictionary in dictionaries})
    for dictionary in dictionaries:
        recorded: list[Tensor] = []
        hook, hook_out = dictionary.site.hooks

        def record_input(x: Tensor, recorded: list[Tensor] = recorded) -> None:
            recorded[:] = [x]

        def reconstruct_output(
            y: Tensor, dictionary: Dictionary = dictionary, recorded: list[Tensor] = recorded
        ) -> Tensor:
            x = (recorded[0] if recorded else y).flatten(2)
            if dictionary.later_decoder is None:
                return dictionary.reconstruct(x).view_as(y)
            return reconstructions.reconstruct(dictionary, dictionary.encode(x)).view_as(y)

        if hook != hook_out:
            hooks[hook] = record_input
        hooks[hook_out] = reconstruct_output
    return hooks


def _batch_loss(model: Model, batch: PassageBatch) -> Tensor:
    tokens = batch.tokens.to(model.device)
    logits = model.bridge(tokens, attention_mask=torch.ones_like(tokens), use_cache=False)[:, :-1]
    predicted = token_index(batch.token_mask[:, 1:], model.device)
    return nn.functional.cross_entropy(logits[predicted], tokens[:, 1:][predicted], reduction="sum")
