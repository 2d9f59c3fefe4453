"""A dictionary that was trained on another form of the model reconstructs nothing: seen before it is used.

TransformerLens folds normalisations and value biases unless told not to, and files seldom say which
model their dictionary saw; both forms are tried on a little text, and the one that fits is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import centre_output
from circuitviz.features.prompt_run import Run, run_prompt
from circuitviz.features.weight_processing import Processing
from circuitviz.models import Model

MAX_UNEXPLAINED = 0.5  # dictionaries in use leave less than this unexplained
SAMPLE_TEXTS = (
    "When Mary and John went to the store, John gave a drink to Mary.",
    "The keys to the cabinet are on the table, and the door is open.",
    "In 1741 the war began, and the people of the city were told to leave their houses before the winter "
    "came.",
    "She said that she had never seen such a large ship, but her brother only laughed and went on with his "
    "work.",
)


@dataclass(frozen=True)
class DictionaryFit:
    """How well a dictionary fits a model.

    dictionary: with the processing that fits, its own where none does; unexplained: by processing,
    Σ‖y − ŷ‖² / Σ‖y − ȳ‖²; warning: a sentence where neither fits, or where the file says otherwise.
    """

    dictionary: Dictionary
    unexplained_by_processing: dict[Processing, float]
    warning: str = ""


def fit_processing(dictionary: Dictionary, runs: Sequence[Run]) -> DictionaryFit:
    """Try a dictionary on some runs of its model, as its file says and otherwise.

    The first token of each run is left out: its values are an outlier in most models.
    """
    if sum(run.time - 1 for run in runs) < 2:
        raise InputError("A dictionary's fit is measured on at least two tokens after the first.")
    said = dictionary.processing
    forms = {form: replace(dictionary, processing=form) for form in said.alternatives(dictionary.site.reads)}
    found = {form: unexplained_variance(one, runs) for form, one in forms.items()}
    best = min(found, key=lambda form: found[form] - (1e-9 if form == said else 0))
    warning = ""
    if found[best] > MAX_UNEXPLAINED:
        best = said  # neither form is right, so nothing speaks against the file
        warning = (
            f"The dictionary '{dictionary.name}' leaves {found[said]:.0%} of the variance at "
            f"{dictionary.site.name} unexplained: it was made for another model, layer or hook, or reads a "
            "model that was changed."
        )
    elif best != said:
        warning = (
            f"The dictionary '{dictionary.name}' fits a model with the weight processing '{best}' "
            f"({found[best]:.0%} unexplained), not '{said}' ({found[said]:.0%}), as its file says or means "
            f"by saying nothing; it is read with '{best}'."
        )
    fitting = replace(forms[best], unexplained=found[best], misfit=warning)
    return DictionaryFit(fitting, found, warning)


def fit_dictionaries(
    dictionaries: Sequence[Dictionary], runs: Sequence[Run]
) -> tuple[list[Dictionary], list[str]]:
    """Dictionaries in the form that fits, and the warnings; those that fit as they are take one look.

    What was measured before, when the dictionary was opened, is not measured again.
    """
    found: list[Dictionary] = []
    for one in dictionaries:
        if one.unexplained is None:
            left = unexplained_variance(one, runs)
            one = (
                replace(one, unexplained=left)
                if left <= MAX_UNEXPLAINED
                else fit_processing(one, runs).dictionary
            )
        found.append(one)
    return found, [one.misfit for one in found if one.misfit]


@torch.no_grad()
def unexplained_variance(dictionary: Dictionary, runs: Sequence[Run]) -> float:
    """Share of the variance of what a dictionary should reconstruct that it does not, over tokens.

    Where writing weights were centred in training, what is written is compared without its mean.
    """
    one = dictionary.to(runs[0].final)
    should = torch.cat([centre_output(run.model, one, run.dictionary_target(one)[1:]) for run in runs])
    made = torch.cat([one.reconstruct(run.dictionary_input(one)[1:]) for run in runs])
    spread = (should - should.mean(0)).square().sum().clamp_min(torch.finfo(should.dtype).tiny)
    left = float((should - made).square().sum() / spread)
    if left != left:
        raise InputError(
            f"The dictionary '{one.name}' reconstructs values at {one.site.name} that are not numbers; its "
            "file is damaged, or was made for another model."
        )
    return left


def run_sample_texts(model: Model) -> list[Run]:
    """Runs of a little English, on which a dictionary's fit is measured when it is opened.

    Sentences that the model's tokenizer cannot write are left out; without any, nothing can be measured.
    """
    runs = []
    for text in SAMPLE_TEXTS:
        try:
            row = next(iter(model.tokens.context_windows(text)), ())
        except InputError:  # a tokenizer of words knows no others
            continue
        if len(row) > 2:
            runs.append(run_prompt(model, list(row)))
    return runs
