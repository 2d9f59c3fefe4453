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
from circuitviz.training.site_activations import iterate_activations, token_index

MAX_LOGITS = 2**23  # logits at once


@dataclass(frozen=True)
class DictionaryQuality:
    """A dictionary's figures over the tokens of a text, without the first of each passage.

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


def measure_dictionaries_steps(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages
) -> ProgressSteps[tuple[DictionaryQuality, ...]]:
    """Measure dictionaries, each alone in the model.

    What they explain takes one pass over the text for all, the loss one pass and two for each.
    """
    n_passes = 2 + 2 * len(dictionaries)
    yield Progress(0, n_passes, "Measuring what is explained")
    sums = yield from _measure_fit(model, dictionaries, passages, n_passes)
    cases: list[dict[str, Hook]] = [{}]
    for dictionary in dictionaries:
        cases += _spliced_and_zeroed(model, [dictionary])
    loss, *losses = yield from _measure_losses(model, cases, passages, 1, n_passes)
    return tuple(
        DictionaryQuality(
            features=dictionary.features,
            tokens=fit.tokens,
            unexplained=fit.unexplained,
            l0=float(fit.times_fired.sum()) / fit.tokens,
            dead=float((fit.times_fired == 0).double().mean()),
            recovered=_loss_recovered(loss, spliced, zeroed),
            loss=loss,
            loss_spliced=spliced,
        )
        for dictionary, fit, spliced, zeroed in zip(
            dictionaries, sums, losses[::2], losses[1::2], strict=True
        )
    )


def measure_dictionary_steps(
    model: Model, dictionary: Dictionary, passages: Passages
) -> ProgressSteps[DictionaryQuality]:
    """Measure one dictionary."""
    (quality,) = yield from measure_dictionaries_steps(model, [dictionary], passages)
    return quality


def loss_recovered_steps(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages
) -> ProgressSteps[float]:
    """Measure the loss recovered with all dictionaries in the model at once."""
    cases: list[dict[str, Hook]] = [{}, *_spliced_and_zeroed(model, dictionaries)]
    loss, spliced, zeroed = yield from _measure_losses(model, cases, passages, 0, 3)
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
def _measure_fit(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages, n_passes: int
) -> ProgressSteps[list[_FitSums]]:
    sites = [dictionary.site for dictionary in dictionaries]
    sums = [_FitSums(dictionary.to(model.empty_stream), model.device) for dictionary in dictionaries]
    for parts in iterate_activations(model, sites, passages):
        for fit, (x, y) in zip(sums, parts, strict=True):
            fit.add_tokens(x, y)
        yield Progress(min(1.0, sums[0].tokens / passages.n_tokens), n_passes, "Measuring what is explained")
    if sums[0].tokens < 2:
        raise InputError("The text has fewer than two tokens; a dictionary's figures need more.")
    return sums


def _spliced_and_zeroed(model: Model, dictionaries: Sequence[Dictionary]) -> tuple[dict[str, Hook], ...]:
    """Return hooks that put reconstructions, and others that put zeros, in the sites' places."""
    zeros: dict[str, Hook] = {dictionary.site.hooks[1]: torch.zeros_like for dictionary in dictionaries}
    return splice_hooks([dictionary.to(model.empty_stream) for dictionary in dictionaries]), zeros


def _measure_losses(
    model: Model, cases: Sequence[dict[str, Hook]], passages: Passages, passes_done: int, n_passes: int
) -> ProgressSteps[list[float]]:
    """Measure the mean next-token loss of the model with each case's hooks."""
    sums = torch.zeros(len(cases), dtype=torch.double, device=model.device)
    n_predicted = sum(len(row) - 1 for row in passages.rows)
    at_once = max(256, MAX_LOGITS // model.tokens.vocabulary_size)
    count = 0
    for batch in passages.batches(max_tokens=at_once):
        n_batch = int(batch.token_mask[:, 1:].sum())
        for case, hooks in enumerate(cases):
            with torch.no_grad(), model.hooks(hooks):
                sums[case] += _batch_loss(model, batch)
            done = (count * len(cases) + n_batch * (case + 1)) / max(1, n_predicted)
            yield Progress(passes_done + done, n_passes, "Measuring the loss recovered")
        count += n_batch
    losses: list[float] = (sums / max(1, count)).tolist()
    return losses


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
