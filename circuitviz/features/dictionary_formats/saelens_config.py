"""Checks of a SAELens configuration, before any of its weights is read.

SAELens ignores unknown fields and fills in missing ones, which may silently change activations. So every
field that changes a feature's value is used or refused, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from circuitviz.errors import InputError
from circuitviz.features.dictionary import ARCHITECTURES
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_processing import (
    WeightProcessing,
    format_value,
    parse_version,
    stated_processing,
)

_RENAMED_FIELDS = {  # by version 6, which also moved the metadata into an object of its own
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
_METADATA_FIELDS = (
    *("model_name", "model_class_name", "model_from_pretrained_kwargs", "hook_name", "hook_name_out"),
    *("hook_head_index", "hook_head_index_out", "prepend_bos", "exclude_special_tokens", "context_size"),
    *("seqpos_slice", "dataset_path", "neuronpedia_id", "sae_lens_version", "sae_lens_training_version"),
)
SAELENS_ARCHITECTURES = tuple(
    name for name in ARCHITECTURES if not name.startswith(("topk_", "cross_layer_"))
)
_REFUSED_NORMALISATIONS = {
    "layer_norm": "divides its input by its own standard deviation",
    "constant_norm_rescale": "divides its input by its norm",
    "covariance_whitening": "has a whitening that is not folded into its weights",
}
_REFUSED_ARCHITECTURES = {
    "abstopk": "keeps the values of largest magnitude with their sign; here a feature is active above 0",
    "temporal": "predicts a part of each activation from the tokens before it",
    "matching_pursuit": "finds its features one after another, each on what the others leave",
}


@dataclass(frozen=True)
class SaelensConfig:
    """A configuration as it is used.

    Attributes:
        architecture: One of ``SAELENS_ARCHITECTURES``.
        d_in: Width of what is read.
        d_sae: Number of features.
        d_out: Width of what is written.
        k: Active features of a position, of top-k dictionaries.
        subtracts_decoder_bias: Whether b_dec is subtracted from the input.
        rescales_by_decoder_norm: Whether activations are in units of the decoder's norms.
        has_finetuning_scale: Whether a finetuning scaling factor is used.
        site: Where it reads and writes.
        processing: Weight processing of its model.
        model: The model's name.
        metadata: Further metadata of the file.
    """

    architecture: str
    d_in: int
    d_sae: int
    d_out: int
    k: int | None
    subtracts_decoder_bias: bool
    rescales_by_decoder_norm: bool
    has_finetuning_scale: bool
    site: DictionarySite
    processing: WeightProcessing
    model: str | None
    metadata: dict[str, Any]


def parse_saelens_config(config: Mapping[str, Any]) -> SaelensConfig:
    """Read a configuration of any version.

    Raises:
        InputError: In half a sentence: it cannot be used.
    """
    metadata = _metadata(config)
    if (parse_version(metadata.get("sae_lens_version")) or (0,)) < (6,):
        config = {_RENAMED_FIELDS.get(name, name): value for name, value in config.items()}
    activation = config.get("activation_fn")
    kwargs = config.get("activation_fn_kwargs") or {}
    architecture = config.get("architecture", "standard")
    if architecture == "standard" and activation == "topk":
        architecture = "topk"
    _check_architecture(architecture, activation, kwargs, config.get("normalize_activations"))
    if metadata.get("hook_head_index") is not None:
        raise InputError(
            f"reads one head alone (hook_head_index {format_value(metadata['hook_head_index'])}); "
            "dictionaries of all heads' values side by side can be used"
        )
    transcoder = "transcoder" in architecture
    site = _site_of_hooks(_str_field(metadata, "hook_name"), _str_field(metadata, "hook_name_out"))
    if site.is_transcoder != transcoder:
        raise InputError(
            f"has the architecture '{architecture}' and reads {format_value(metadata.get('hook_name'))} and "
            f"writes {format_value(metadata.get('hook_name_out'))}; an SAE writes what it reads, and a "
            "transcoder does not"
        )
    d_in, d_sae = _int_field(config, "d_in"), _int_field(config, "d_sae")
    subtracts = _bool_field(config, "apply_b_dec_to_input", not transcoder)
    if transcoder and subtracts:
        raise InputError("is a transcoder that takes b_dec from its input (apply_b_dec_to_input)")
    return SaelensConfig(
        architecture=architecture,
        d_in=d_in,
        d_sae=d_sae,
        d_out=_int_field(config, "d_out", d_in) if transcoder else d_in,
        k=_active_features(config, kwargs) if architecture == "topk" else None,
        subtracts_decoder_bias=subtracts,
        rescales_by_decoder_norm=architecture in ("topk", "batchtopk")
        and _bool_field(config, "rescale_acts_by_decoder_norm", False),
        has_finetuning_scale=_bool_field(config, "finetuning_scaling_factor", False),
        site=site,
        processing=stated_processing(metadata),
        model=_str_field(metadata, "model_name"),
        metadata=metadata,
    )


def _site_of_hooks(hook: str | None, hook_out: str | None) -> DictionarySite:
    try:
        return DictionarySite.from_hooks(hook or "", hook_out)
    except InputError as error:
        raise InputError(str(error).removeprefix("The dictionary ").rstrip(".")) from None


def _metadata(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's training metadata, from where its version stores them."""
    nested = config.get("metadata") or {}
    if not isinstance(nested, dict):
        raise InputError(f"has metadata {format_value(nested)}; an object would be right")
    top_level = {_RENAMED_FIELDS.get(name, name): value for name, value in config.items()}
    return {**{name: top_level[name] for name in _METADATA_FIELDS if name in top_level}, **nested}


def _check_architecture(architecture: Any, activation: Any, kwargs: Any, normalising: Any) -> None:
    usable = ", ".join(SAELENS_ARCHITECTURES)
    if not isinstance(architecture, str) or architecture not in SAELENS_ARCHITECTURES:
        reason = _REFUSED_ARCHITECTURES.get(str(architecture), "")
        reason_text = f", which {reason}" if reason else ""
        raise InputError(
            f"has the architecture {format_value(architecture)}{reason_text}; {usable} can be used"
        )
    if activation not in ("relu", "topk", "jumprelu", None) or not isinstance(kwargs, dict):
        raise InputError(
            f"has the activation function {format_value(activation)}; relu, topk and jumprelu are linear "
            "where they are active, and can be used"
        )
    if activation == "topk" and architecture not in ("topk", "batchtopk"):
        raise InputError(f"is '{architecture}' with the activation function 'topk', which is of topk alone")
    if kwargs.get("signed"):
        raise InputError("has a top-k with signs; here a feature is active above 0")
    if normalising not in (None, False, True, "none", "expected_average_only_in"):
        reason = _REFUSED_NORMALISATIONS.get(
            str(normalising), "normalises its input in a way that is not known"
        )
        raise InputError(
            f"{reason} (normalize_activations {format_value(normalising)}), so that its features are no "
            "linear map of what it reads; 'none' and 'expected_average_only_in' can be used"
        )


def _active_features(config: Mapping[str, Any], kwargs: Mapping[str, Any]) -> int:
    """Return how many features of a top-k dictionary are active, by the names that files have for it."""
    k = config.get("k", kwargs.get("k"))
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise InputError(
            f"is a top-k dictionary with k {format_value(k)}; a number of features would be right"
        )
    return k


def _int_field(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**40:
        raise InputError(f"has {name} {format_value(value)}; a number of values would be right")
    return value


def _bool_field(config: Mapping[str, Any], name: str, default: bool) -> bool:
    value = config.get(name, default)
    if not isinstance(value, bool | None):
        raise InputError(f"has {name} {format_value(value)}; true or false would be right")
    return bool(value)


def _str_field(config: Mapping[str, Any], name: str) -> str | None:
    value = config.get(name)
    if not isinstance(value, str | None):
        raise InputError(f"has {name} {format_value(value)}; a name would be right")
    return value
