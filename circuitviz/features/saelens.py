"""SAELens' folders are the field's form for dictionaries; what they hold is brought into ours.

Weights are read through safetensors, which maps them: a decoder row that nobody asks for is never read.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import ARCHITECTURES, Dictionary
from circuitviz.features.sites import Site
from circuitviz.models.hub import reached

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
_REFUSED = {
    "layer_norm": "divides its input by its own standard deviation",
    "constant_norm_rescale": "divides its input by its norm",
    "covariance_whitening": "has a whitening that is not folded into its weights",
}


def is_folder(path: Path) -> bool:
    """Whether a folder holds one SAELens dictionary."""
    return (path / CONFIG).is_file()


def read_folder(path: Path) -> Dictionary:
    """Read ``cfg.json`` and ``sae_weights.safetensors``, of any version that SAELens reads.

    Raises InputError on a folder that is none, and on an architecture that is no masked linear map.
    """
    try:
        given = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(given, dict):
            raise ValueError(f"{CONFIG} is no object")
        _check(path, given)
        # SAELens has no inference class of this name: it saves such SAEs as jumprelu when training ends
        if batch := given.get("architecture") == "batchtopk":
            given = {**given, "architecture": "jumprelu"}
        config, state = _read(path, given)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, InputError):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"'{path}' could not be read as a SAELens dictionary ({reason}); it needs {CONFIG} and "
            f"{WEIGHTS} that fit each other."
        ) from error
    if batch:
        config["architecture"] = "batchtopk"
    return from_state(path.name, config, state)


def read_release(release: str, identity: str, answers: bool = True) -> Dictionary:
    """Download a dictionary that SAELens knows by name; only ever on a person's own request.

    answers: whether Hugging Face does; else it comes from what was downloaded before.
    Weights in torch's own format are read with ``weights_only``, which is torch's default from 2.6 on.
    Raises InputError where the name is unknown, there is no network, or it cannot be used.
    """
    with warnings.catch_warnings(), reached(answers):
        warnings.simplefilter("ignore")
        from sae_lens import SAE

        try:
            one = SAE.from_pretrained(release, identity, device="cpu")
        except Exception as error:  # the network, the hub and SAELens fail in many ways
            if not answers and isinstance(error, OSError):
                raise InputError(
                    f"The dictionary '{identity}' of the release '{release}' was not downloaded before, and "
                    "Hugging Face does not answer (no network); try again with a network, or give its folder."
                ) from error
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            reason = reason.partition(". Please")[0].rstrip(".")[:200]
            raise InputError(
                f"SAELens did not give the dictionary '{identity}' of the release '{release}' ({reason}); "
                "check both names and the network, or download it and give its folder."
            ) from error
    config = dict(one.cfg.to_dict())
    _check(Path(f"{release}/{identity}"), config)
    state = {name: tensor.detach() for name, tensor in one.state_dict().items()}
    return from_state(f"{release}/{identity}", config, state)


def from_state(name: str, config: dict[str, Any], state: dict[str, Tensor]) -> Dictionary:
    """A dictionary from SAELens' configuration (version 6) and weights by name."""
    architecture = str(config["architecture"])
    about = dict(config.get("metadata") or {})
    site = Site.of_hooks(str(about.get("hook_name")), about.get("hook_name_out"))
    if about.get("hook_head_index") is not None:
        raise InputError(
            f"The dictionary '{name}' reads one head alone (hook_head_index {about['hook_head_index']}); "
            "dictionaries of all heads' values side by side can be used."
        )
    encoder, decoder = _float(state["W_enc"]), _float(state["W_dec"])
    gain = threshold = gate = decoder_gain = None
    if architecture == "gated":
        gain, bias, gate = state["r_mag"].exp(), state["b_mag"], state["b_gate"]
    else:
        bias = state["b_enc"]
    if config.get("rescale_acts_by_decoder_norm"):
        gain = decoder.norm(dim=-1)
        bias, decoder_gain = bias * gain, 1 / gain
    if "threshold" in state:
        threshold = _float(state["threshold"])
    elif "topk_threshold" in state:
        threshold = torch.full_like(bias, float(state["topk_threshold"]))
    if config.get("apply_b_dec_to_input"):
        shift = _float(state["b_dec"]) @ encoder
        bias = bias - (shift if gain is None else shift * gain)
        gate = None if gate is None else gate - shift
    return Dictionary(
        name=name,
        architecture=architecture,
        site=site,
        encoder=encoder,
        bias=_float(bias),
        decoder=decoder,
        decoder_bias=_float(state["b_dec"]),
        gain=None if gain is None else _float(gain),
        gate_bias=None if gate is None else _float(gate),
        threshold=threshold,
        k=int(config["k"]) if architecture == "topk" else None,
        skip=_float(state["W_skip"]) if "W_skip" in state else None,
        decoder_gain=decoder_gain,
        processing=_processing(about),
        model=about.get("model_name"),
        about=about,
    )


def write_folder(dictionary: Dictionary, path: Path) -> None:
    """Write a dictionary as a folder that SAELens reads; what is read back encodes the same."""
    from safetensors.torch import save_file

    one = dictionary
    encoder = one.encoder if one.gain is None or one.gate_bias is not None else one.encoder * one.gain
    decoder = one.decoder if one.decoder_gain is None else one.decoder * one.decoder_gain[:, None]
    state = {"W_enc": encoder, "W_dec": decoder, "b_dec": one.decoder_bias}
    if one.gate_bias is not None:
        assert one.gain is not None
        state |= {"r_mag": one.gain.log(), "b_mag": one.bias, "b_gate": one.gate_bias}
    else:
        state["b_enc"] = one.bias
    if one.threshold is not None:
        state["threshold"] = one.threshold
    if one.skip is not None:
        state["W_skip"] = one.skip
    hook, hook_out = one.site.hooks
    config: dict[str, Any] = {
        "architecture": "jumprelu" if one.architecture == "batchtopk" else one.architecture,
        "d_in": one.d_in,
        "d_sae": one.features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "hook_z" if one.site.reads == "z" else "none",
        "metadata": {
            "sae_lens_version": "6.54.0",
            **{k: v for k, v in one.about.items() if isinstance(v, str | int | float | bool | dict | list)},
            "model_name": one.model,
            "hook_name": hook,
            "hook_name_out": hook_out if one.site.is_transcoder else None,
            "processing": one.processing,
        },
    }
    if one.site.is_transcoder:
        config["d_out"] = one.d_out
    if one.k is not None:
        config |= {"k": one.k, "rescale_acts_by_decoder_norm": False}
    path.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().cpu() for name, tensor in state.items()}, path / WEIGHTS)
    (path / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")


def _check(path: Path, given: dict[str, Any]) -> None:
    architecture = given.get("architecture", "standard")
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"'{path}' holds a dictionary of the architecture '{architecture}', whose features are no "
            f"masked linear map of their input; {', '.join(ARCHITECTURES)} can be used."
        )
    normalising = given.get("normalize_activations")
    if normalising in _REFUSED:
        raise InputError(
            f"'{path}' holds a dictionary that {_REFUSED[normalising]} (normalize_activations "
            f"'{normalising}'), so that its features are no linear map of what it reads; dictionaries "
            "with 'none' or 'expected_average_only_in' can be used."
        )
    activation = given.get("activation_fn", given.get("activation_fn_str", "relu"))
    if activation not in ("relu", "topk", "jumprelu", None):
        raise InputError(
            f"'{path}' holds a dictionary with the activation function '{activation}', which is not linear "
            "where it is active; relu, topk and jumprelu can be used."
        )


def _read(path: Path, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration as version 6 writes it, and the mapped weights."""
    from safetensors.torch import load_file

    if _version(given) >= 6:
        return given, load_file(path / WEIGHTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what SAELens imports warns of what it imports
        import sae_lens  # noqa: F401 - registers its architectures; takes seconds, so only for old files
        from sae_lens.loading.pretrained_sae_loaders import handle_config_defaulting

        config = dict(handle_config_defaulting(given))
    return config, load_file(path / WEIGHTS)


def _version(given: dict[str, Any]) -> int:
    """The version of SAELens whose form a configuration has; 0 where it does not say."""
    said = given.get("sae_lens_version") or dict(given.get("metadata") or {}).get("sae_lens_version")
    first = str(said or "").partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _processing(about: dict[str, Any]) -> str:
    """What the file says of its model's weights: HookedTransformer folds unless it is told not to."""
    if said := about.get("processing"):
        return str(said)
    kwargs = about.get("model_from_pretrained_kwargs") or {}
    hooked = about.get("model_class_name") == "HookedTransformer" or bool(kwargs)
    return "folded" if hooked and kwargs.get("fold_ln") is not False else "raw"


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().float() if tensor.dtype != torch.float64 else tensor.detach()
