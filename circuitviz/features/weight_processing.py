"""TransformerLens can change a model's weights while it opens it, and with them what a dictionary reads.

None of its changes alters the logits; three of them alter activations that dictionaries are trained on. What
a file does not state follows from the code of SAELens that trained it: since 3.19.2 (pull request 279) it
opens models with ``from_pretrained_no_processing``, before that with ``from_pretrained``, whose defaults are
all on.
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
class Processing:
    """Weight processing of the model that a dictionary was trained on, by TransformerLens' names.

    fold_ln: normalisation weights are in the following linear layers, so ``ln2.hook_normalized`` has none.
    fold_value_biases: ``hook_z`` is without the bias of W_V; with ``fold_ln`` that bias holds the
    normalisation's too. center_writing_weights: whatever is written into the residual stream, and the stream,
    has mean zero over d_model (TransformerLens leaves models with RMSNorm as they are).

    >>> str(Processing()), str(Processing(fold_ln=True, center_writing_weights=True))
    ('raw', 'fold_ln + center_writing_weights')
    """

    fold_ln: bool = False
    fold_value_biases: bool = False
    center_writing_weights: bool = False

    def __str__(self) -> str:
        return " + ".join(name for name, on in asdict(self).items() if on) or "raw"

    def alternatives(self, reads: str) -> list[Processing]:
        """This processing first, then those that differ in what a site that ``reads`` so can notice."""
        noticed = {
            "z": ("fold_value_biases", "fold_ln"),
            "normalised": ("fold_ln", "center_writing_weights"),
        }.get(reads, ("center_writing_weights",))
        switches = product((False, True), repeat=len(noticed))
        others = [replace(self, **dict(zip(noticed, on, strict=True))) for on in switches]
        return [self, *(one for one in others if one != self)]


RAW_PROCESSING = Processing()
FOLDED_PROCESSING = Processing(fold_ln=True, fold_value_biases=True)
DEFAULT_PROCESSING = Processing(True, True, True)  # of HookedTransformer.from_pretrained


def stated_processing(metadata: Mapping[str, Any]) -> Processing:
    """What a SAELens file's metadata says, or means by saying nothing.

    Raises InputError, in half a sentence, on a statement that is none, and on factored attention matrices.
    """
    if (ours := metadata.get("processing")) is not None:  # circuitviz' own files, up to version 0.1
        if ours not in ("raw", "folded"):
            raise InputError(
                f"was trained on a model processed as {format_value(ours)}; 'raw' and 'folded' are known"
            )
        return RAW_PROCESSING if ours == "raw" else FOLDED_PROCESSING
    if metadata.get("model_class_name") not in _CLASSES:
        return RAW_PROCESSING  # Hugging Face's own module
    given = metadata.get(PRETRAINED_KWARGS_KEY)
    if given is not None and not isinstance(given, dict):
        raise InputError(f"has {PRETRAINED_KWARGS_KEY} {format_value(given)}; an object would be right")
    trained = parse_version(metadata.get("sae_lens_training_version") or metadata.get("sae_lens_version"))
    start = RAW_PROCESSING
    if trained is not None and trained < NO_PROCESSING_SINCE:
        # its training configuration had center_writing_weights false unless it was given otherwise
        start = DEFAULT_PROCESSING if given is not None else FOLDED_PROCESSING
    switches = {name: (given or {}).get(name, on) for name, on in {**asdict(start), _FACTORED: False}.items()}
    if wrong := [
        f"{name} {format_value(value)}" for name, value in switches.items() if not isinstance(value, bool)
    ]:
        raise InputError(f"has {wrong[0]} in {PRETRAINED_KWARGS_KEY}; true or false would be right")
    if switches.pop(_FACTORED) and str(metadata.get("hook_name")).endswith(("hook_z", "o.hook_in")):
        raise InputError(
            f"reads values of heads whose matrices were factored anew ({_FACTORED}), which this model's are "
            "not"
        )
    return Processing(**switches)


def parse_version(text: object) -> tuple[int, ...] | None:
    """Numbers of a version like ``6.0.0-rc.1``; None where there are none."""
    found = re.match(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", text if isinstance(text, str) else "")
    return tuple(int(number or 0) for number in found.groups()) if found else None


def format_value(value: Any) -> str:
    """A value as a message shows it; the file's None is called missing."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
