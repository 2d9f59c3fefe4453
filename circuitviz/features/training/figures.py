"""What dictionaries are worth, measured on text that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Batch, Passages
from circuitviz.features.training.activations import keeping
from circuitviz.models import Model
from circuitviz.models.model import Hook
from circuitviz.progress import Progress, Steps

LARGEST = 2**23  # logits at once


@dataclass(frozen=True)
class Figures:
    """A dictionary's figures over the tokens of a text, without beginnings of sequence.

    unexplained: Σ‖y − ŷ‖² / Σ‖y − ȳ‖²; l0: features active per token; dead: share of the features that
    are active at no token; recovered: (loss with zeros in the site's place − with ŷ) / (loss with zeros −
    loss), the loss being the next token's cross-entropy in nats, ``loss`` and ``loss_spliced``.
    """

    features: int
    tokens: int
    unexplained: float
    l0: float
    dead: float
    recovered: float
    loss: float
    loss_spliced: float


def measure_steps(model: Model, dictionary: Dictionary, text: Passages) -> Steps[Figures]:
    """Measure one dictionary; three passes over the text."""
    yield Progress(0, 2, f"Measuring {dictionary.name}")
    sums = yield from _fit(model, dictionary, text)
    loss, spliced, zeroed = yield from _losses(model, [dictionary], text)
    return Figures(
        features=dictionary.features,
        tokens=sums.tokens,
        unexplained=sums.unexplained,
        l0=float(sums.fired.sum()) / sums.tokens,
        dead=float((sums.fired == 0).double().mean()),
        recovered=_recovered(loss, spliced, zeroed),
        loss=loss,
        loss_spliced=spliced,
    )


def recovered_steps(model: Model, dictionaries: Sequence[Dictionary], text: Passages) -> Steps[float]:
    """Loss recovered with all dictionaries in the model at once (``Figures.recovered``)."""
    loss, spliced, zeroed = yield from _losses(model, dictionaries, text)
    return _recovered(loss, spliced, zeroed)


def _recovered(loss: float, spliced: float, zeroed: float) -> float:
    """Undefined, and so no number, where zeros in the place do no harm: there is nothing to recover."""
    return (zeroed - spliced) / (zeroed - loss) if zeroed > loss else float("nan")


class _Fit:
    """Sums over tokens, in double precision, the variance about a mean that is known at the end."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self.tokens = 0
        self.fired = torch.zeros(dictionary.features, dtype=torch.double)
        self._error = self._square = 0.0
        self._sum = torch.zeros(dictionary.d_out, dtype=torch.double)

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add inputs x [token, d_in] with their outputs y [token, d_out]."""
        one = self._dictionary
        features = one.encode(x)
        rebuilt = one.decode(features) if one.skip is None else one.decode(features) + x @ one.skip.T
        self.fired += (features > 0).sum(0).double().cpu()
        self._error += float((y - rebuilt).double().square().sum())
        self._square += float(y.double().square().sum())
        self._sum += y.double().sum(0).cpu()
        self.tokens += len(x)

    @property
    def unexplained(self) -> float:
        """Share of the variance about the mean."""
        return self._error / (self._square - float(self._sum.square().sum()) / self.tokens)


@torch.no_grad()
def _fit(model: Model, dictionary: Dictionary, text: Passages) -> Steps[_Fit]:
    sums = _Fit(dictionary)
    hook, hook_out = dictionary.site.hooks
    for batch in text.batches():
        seen: dict[str, Tensor] = {}
        tokens = batch.tokens.to(model.device)
        with model.hooks({name: keeping(seen, name) for name in (hook, hook_out)}):
            model.logits(tokens, torch.zeros_like(tokens[:, 0]))
        real = batch.real.clone()
        real[:, : int(text.bos)] = False
        sums.add(seen[hook].flatten(2)[real], seen[hook_out].flatten(2)[real])
        yield Progress(sums.tokens / text.n_tokens, 2, f"Measuring {dictionary.name}")
    if sums.tokens < 2:
        raise InputError("The text has fewer than two tokens; a dictionary's figures need more.")
    return sums


def _losses(
    model: Model, dictionaries: Sequence[Dictionary], text: Passages
) -> Steps[tuple[float, float, float]]:
    """Mean next-token loss of the model, with dictionaries in their places, and with zeros there."""
    zeros: dict[str, Hook] = {one.site.hooks[1]: torch.zeros_like for one in dictionaries}
    cases: tuple[dict[str, Hook], ...] = ({}, splice(dictionaries), zeros)
    sums, count = torch.zeros(3, dtype=torch.double), 0
    at_once = max(256, LARGEST // model.tokens.vocabulary_size)
    for batch in text.batches(at_once=at_once):
        told = batch.real[:, 1:]
        for case, hooks in enumerate(cases):
            with torch.no_grad(), model.hooks(hooks):
                sums[case] += _loss(model, batch)
        count += int(told.sum())
        yield Progress(1 + count / text.n_tokens, 2, "Measuring the loss recovered")
    loss, spliced, zeroed = (sums / max(1, count)).tolist()
    return loss, spliced, zeroed


def splice(dictionaries: Sequence[Dictionary]) -> dict[str, Hook]:
    """Hooks that put what each dictionary makes of its input in its output's place, without errors."""
    hooks: dict[str, Hook] = {}
    for one in dictionaries:
        read: list[Tensor] = []
        hook, hook_out = one.site.hooks

        def keep(x: Tensor, read: list[Tensor] = read) -> None:
            read[:] = [x]

        def rebuild(y: Tensor, one: Dictionary = one, read: list[Tensor] = read) -> Tensor:
            x = read[0] if read else y
            return one.reconstruct(x.flatten(2)).view_as(y)

        if hook != hook_out:
            hooks[hook] = keep
        hooks[hook_out] = rebuild
    return hooks


def _loss(model: Model, batch: Batch) -> float:
    tokens = batch.tokens.to(model.device)
    logits = model.bridge(tokens, attention_mask=torch.ones_like(tokens), use_cache=False)[:, :-1]
    told = batch.real[:, 1:].to(model.device)
    return float(nn.functional.cross_entropy(logits[told], tokens[:, 1:][told], reduction="sum"))
