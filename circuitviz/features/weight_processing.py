"""Changes that TransformerLens makes to a model's weights, and with them to what a dictionary reads.

None of them alters the logits; three of them alter activations that dictionaries are trained on. What a file
does not state follows from the code of SAELens that trained it: since 3.19.2 (pull request 279) it opens
models with ``from_pretrained_no_processing``, before that with ``from_pretrained``, whose defaults are all
on. Source: [bloom2024saelens], [nanda2022transformerlens].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from circuitviz.errors import InputError

NO_PROCESSING_SINCE = (3, 19, 2)  # version of SAELens
PRETRAINED_KWARGS_KEY = "model_from_pretrained_kwargs"
_FACTORED = "refactor_factored_attn_matrices"
_CLASSES = (None, "HookedTransformer", "HookedSAETransformer")


@dataclass(frozen=True, slots=True)
class WeightProcessing:
    """Weight processing of the model that a dictionary was trained on, by TransformerLens' names.

    Attributes:
        fold_ln: Normalisation weights are in the following linear layers, so ``ln2.hook_normalized`` has
            none.
        fold_value_biases: ``hook_z`` is without the bias of W_V; with ``fold_ln`` that bias holds the
            normalisation's too.
        center_writing_weights: What is written into the residual stream, and the stream, has mean zero over
            d_model (TransformerLens leaves models with RMSNorm as they are).

    >>> str(WeightProcessing()), str(WeightProcessing(fold_ln=True, center_writing_weights=True))
    ('raw', 'fold_ln + center_writing_weights')
    """

    fold_ln: bool = False
    fold_value_biases: bool = False
    center_writing_weights: bool = False

    def __str__(self) -> str:
        return " + ".join(name for name, on in asdict(self).items() if on) or "raw"

    def alternatives(self, reads: str) -> list[WeightProcessing]:
        """Return this processing, then those that differ in what a site that ``reads`` so can notice."""
        fields = {
            "z": ("fold_value_biases", "fold_ln"),
            "normalised": ("fold_ln", "center_writing_weights"),
        }.get(reads, ("center_writing_weights",))
        switches = product((False, True), repeat=len(fields))
        processings = [replace(self, **dict(zip(fields, values, strict=True))) for values in switches]
        return [self, *(processing for processing in processings if processing != self)]


RAW_PROCESSING = WeightProcessing()
FOLDED_PROCESSING = WeightProcessing(fold_ln=True, fold_value_biases=True)
DEFAULT_PROCESSING = WeightProcessing(True, True, True)  # of HookedTransformer.from_pretrained


def stated_processing(metadata: Mapping[str, Any]) -> WeightProcessing:
    """Return the processing that a SAELens file's metadata state or imply.

    Raises:
        InputError: A value is invalid, or attention matrices were factored; the message is half a sentence.
    """
    if (own_text := metadata.get("processing")) is not None:  # circuitviz' own files, up to version 0.1
        if own_text not in ("raw", "folded"):
            raise InputError(
                f"was trained on a model processed as {format_value(own_text)}; 'raw' and 'folded' are known"
            )
        return RAW_PROCESSING if own_text == "raw" else FOLDED_PROCESSING
    if metadata.get("model_class_name") not in _CLASSES:
        return RAW_PROCESSING  # Hugging Face's own module
    kwargs = metadata.get(PRETRAINED_KWARGS_KEY)
    if kwargs is not None and not isinstance(kwargs, dict):
        raise InputError(f"has {PRETRAINED_KWARGS_KEY} {format_value(kwargs)}; an object would be right")
    version = parse_version(metadata.get("sae_lens_training_version") or metadata.get("sae_lens_version"))
    defaults = RAW_PROCESSING
    if version is not None and version < NO_PROCESSING_SINCE:
        # its training configuration had center_writing_weights false unless it was given otherwise
        defaults = DEFAULT_PROCESSING if kwargs is not None else FOLDED_PROCESSING
    switches = {
        name: (kwargs or {}).get(name, default)
        for name, default in {**asdict(defaults), _FACTORED: False}.items()
    }
    if invalid := [
        f"{name} {format_value(value)}" for name, value in switches.items() if not isinstance(value, bool)
    ]:
        raise InputError(f"has {invalid[0]} in {PRETRAINED_KWARGS_KEY}; true or false would be right")
    if switches.pop(_FACTORED) and str(metadata.get("hook_name")).endswith(("hook_z", "o.hook_in")):
        raise InputError(
            f"reads values of heads whose matrices were factored anew ({_FACTORED}), which this model's are "
            "not"
        )
    return WeightProcessing(**switches)


def parse_version(text: object) -> tuple[int, ...] | None:
    """Return the numbers of a version like ``6.0.0-rc.1``; None where there are none."""
    match = re.match(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", text if isinstance(text, str) else "")
    return tuple(int(number or 0) for number in match.groups()) if match else None


def format_value(value: Any) -> str:
    """Return a value as a message shows it; None is called missing."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
