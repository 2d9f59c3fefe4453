"""A dictionary that was trained on another form of the model reconstructs nothing: seen before it is used.

TransformerLens folds normalisations and value biases unless told not to, and files seldom say which
model their dictionary saw; both forms are tried on a little text, and the one that fits is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import PROCESSINGS, Dictionary
from circuitviz.features.run import Run

GOOD = 0.5  # dictionaries in use leave less than this unexplained


@dataclass(frozen=True)
class Fit:
    """How well a dictionary fits a model.

    dictionary: with the processing that fits, its own where none does; unexplained: by processing,
    Σ‖y − ŷ‖² / Σ‖y − ȳ‖²; warning: a sentence where neither fits, or where the file says otherwise.
    """

    dictionary: Dictionary
    unexplained: dict[str, float]
    warning: str = ""


def fit(dictionary: Dictionary, runs: Sequence[Run]) -> Fit:
    """Try a dictionary on some runs of its model, as its file says and otherwise.

    The first token of each run is left out: its values are an outlier in most models.
    """
    if sum(run.time - 1 for run in runs) < 2:
        raise InputError("A dictionary's fit is measured on at least two tokens after the first.")
    forms = {name: replace(dictionary, processing=name) for name in PROCESSINGS}
    found = {name: unexplained(one, runs) for name, one in forms.items()}
    said = dictionary.processing
    best = min(PROCESSINGS, key=lambda name: (found[name] - (1e-9 if name == said else 0)))
    warning = ""
    if found[best] > GOOD:
        best = said  # neither form is right, so nothing speaks against the file
        warning = (
            f"The dictionary '{dictionary.name}' leaves {min(found.values()):.0%} of the variance at "
            f"{dictionary.site.name} unexplained: it was made for another model, layer or hook, or reads a "
            "model that was changed."
        )
    elif best != said:
        warning = (
            f"The dictionary '{dictionary.name}' fits a {best} model ({found[best]:.0%} unexplained), not a "
            f"{said} one ({found[said]:.0%}), as its file says or is taken to say; it is read as {best}."
        )
    return Fit(forms[best], found, warning)


def fitted(dictionaries: Sequence[Dictionary], runs: Sequence[Run]) -> tuple[list[Dictionary], list[str]]:
    """Dictionaries in the form that fits, and the warnings; those that fit as they are take one look."""
    found: list[Dictionary] = []
    warnings: list[str] = []
    for one in dictionaries:
        if unexplained(one, runs) > GOOD:
            better = fit(one, runs)
            one = better.dictionary
            warnings.append(better.warning)
        found.append(one)
    return found, [warning for warning in warnings if warning]


@torch.no_grad()
def unexplained(dictionary: Dictionary, runs: Sequence[Run]) -> float:
    """Share of the variance of what a dictionary should reconstruct that it does not, over tokens.

    For folded models what is written is compared without its mean, which folding takes out.
    """
    one = dictionary.to(runs[0].final)
    should = torch.cat([run.written(one)[1:] for run in runs])
    made = torch.cat([one.reconstruct(run.read(one)[1:]) for run in runs])
    if one.processing == "folded" and one.site.reads != "z":
        should, made = (_centred(x) for x in (should, made))
    spread = (should - should.mean(0)).square().sum().clamp_min(torch.finfo(should.dtype).tiny)
    return float((should - made).square().sum() / spread)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)
