"""Whether a dictionary fits the model, and in which weight processing, measured on a little text.

A dictionary that was trained on another form of the model reconstructs nothing. TransformerLens folds
normalisations and value biases by default, and files seldom state the form of their model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from circuitviz.errors import InputError
from circuitviz.features.cross_layer import reconstruct_in_run
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import centre_output
from circuitviz.features.prompt_run import PromptRun, run_prompt
from circuitviz.features.weight_processing import WeightProcessing
from circuitviz.models import Model

MAX_UNEXPLAINED = 0.5  # dictionaries in use leave less than this unexplained
MIN_JUDGED_TOKENS = 30  # on fewer, much may be unexplained though the dictionary fits
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

    Attributes:
        dictionary: With the processing that fits; its own where none does.
        unexplained_by_processing: Σ‖y − ŷ‖² / Σ‖y − ȳ‖².
        warning: A sentence where none fits, or where the file states another processing; else empty.
    """

    dictionary: Dictionary
    unexplained_by_processing: dict[WeightProcessing, float]
    warning: str = ""


def fit_processing(
    dictionary: Dictionary, runs: Sequence[PromptRun], others: Sequence[Dictionary] = ()
) -> DictionaryFit:
    """Try a dictionary on some runs of its model, in the processing that its file states and in others.

    The first token of each run is left out: its values are outliers in most models.

    Args:
        dictionary: The dictionary.
        runs: The runs.
        others: Further layers of its cross-layer transcoder.

    Raises:
        InputError: The runs have fewer than two tokens after the first.
    """
    n_tokens = sum(run.time - 1 for run in runs)
    if n_tokens < 2:
        raise InputError("A dictionary's fit is measured on at least two tokens after the first.")
    stated = dictionary.processing
    candidates = {
        processing: replace(dictionary, processing=processing)
        for processing in stated.alternatives(dictionary.site.reads)
    }
    unexplained = {
        processing: unexplained_variance(candidate, runs, others)
        for processing, candidate in candidates.items()
    }
    best = min(
        unexplained, key=lambda processing: unexplained[processing] - (1e-9 if processing == stated else 0)
    )
    warning = ""
    if unexplained[best] > MAX_UNEXPLAINED:
        best = stated  # no form fits, so the file's is used
        warning = (
            f"The dictionary '{dictionary.name}' leaves {unexplained[stated]:.0%} of the variance at "
            f"{dictionary.site.name} unexplained"
        )
        if n_tokens < MIN_JUDGED_TOKENS:
            warning += (
                f" on {n_tokens} tokens, which are too few to say whether it was made for this model; errors "
                "hold what it does not explain."
            )
        else:
            warning += ": it was made for another model, layer or hook, or reads a model that was changed."
    elif best != stated:
        warning = (
            f"The dictionary '{dictionary.name}' fits a model with the weight processing '{best}' "
            f"({unexplained[best]:.0%} unexplained), not '{stated}' ({unexplained[stated]:.0%}), as its file "
            f"says or means by saying nothing; it is read with '{best}'."
        )
    fitting = replace(candidates[best], unexplained=unexplained[best], misfit=warning)
    return DictionaryFit(fitting, unexplained, warning)


def fit_dictionaries(
    dictionaries: Sequence[Dictionary], runs: Sequence[PromptRun], others: Sequence[Dictionary] = ()
) -> tuple[list[Dictionary], list[str]]:
    """Return dictionaries in the processing that fits, and warnings.

    Dictionaries that fit as they are need one measurement; what was measured before is not measured again.
    Layers of a cross-layer transcoder are measured with those before them, among these and ``others``.
    """
    others = [*dictionaries, *others]
    fitted: list[Dictionary] = []
    for dictionary in dictionaries:
        if dictionary.unexplained is None:
            unexplained = unexplained_variance(dictionary, runs, others)
            dictionary = (
                replace(dictionary, unexplained=unexplained)
                if unexplained <= MAX_UNEXPLAINED
                else fit_processing(dictionary, runs, others).dictionary
            )
        fitted.append(dictionary)
    return fitted, [dictionary.misfit for dictionary in fitted if dictionary.misfit]


@torch.no_grad()
def unexplained_variance(
    dictionary: Dictionary, runs: Sequence[PromptRun], others: Sequence[Dictionary] = ()
) -> float:
    """Return the share of its target's variance, over tokens, that a dictionary does not reconstruct.

    A layer of a cross-layer transcoder reconstructs it with the layers before that are among ``others``.

    Where writing weights were centred in training, the site's output is compared without its mean.

    Raises:
        InputError: The reconstruction is not finite.
    """
    converted = dictionary.to(runs[0].final)
    targets = torch.cat(
        [centre_output(run.model, converted, run.dictionary_target(converted)[1:]) for run in runs]
    )
    by_site = {other.site.name: other.to(runs[0].final) for other in others} | {
        converted.site.name: converted
    }
    reconstructions = torch.cat([reconstruct_in_run(run, by_site, converted)[1:] for run in runs])
    spread = (targets - targets.mean(0)).square().sum().clamp_min(torch.finfo(targets.dtype).tiny)
    share = float((targets - reconstructions).square().sum() / spread)
    if share != share:
        raise InputError(
            f"The dictionary '{converted.name}' reconstructs values at {converted.site.name} that are not "
            "numbers; its file is damaged, or was made for another model."
        )
    return share


def run_sample_texts(model: Model) -> list[PromptRun]:
    """Run a few English sentences, on which a dictionary's fit is measured when it is loaded.

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
