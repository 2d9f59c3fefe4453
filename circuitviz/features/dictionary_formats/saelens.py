"""Reading and writing of SAELens folders, the field's form for dictionaries.

Every tensor of a file is used, or the file is refused with the tensor's name; shapes are compared with the
configuration by the file's header, before anything is read. Source: [bloom2024saelens].
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from circuitviz.errors import InputError, first_error_line
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import (
    DictionaryFormat,
    dictionary_formats,
    read_json_object,
)
from circuitviz.features.dictionary_formats.saelens_config import (
    SAELENS_ARCHITECTURES,
    SaelensConfig,
    parse_saelens_config,
)
from circuitviz.features.matrix_blocks import project, row_norms
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import PRETRAINED_KWARGS_KEY, stated_processing
from circuitviz.graph.names import display_name
from circuitviz.models.hub import hub_access, is_download_forbidden

CONFIG_FILE, WEIGHTS_FILE = "cfg.json", "sae_weights.safetensors"
SPARSIFY_WEIGHTS_FILE = "sae.safetensors"
WRITTEN_SAELENS_VERSION = "6.54.0"  # of SAELens, whose form is written
_OTHER_TOOLS = {"ae.pt": "dictionary_learning"}
_SCALINGS = ("scaling_factor", "finetuning_scaling_factor")
_ENCODERS = {
    "gated": ("r_mag", "b_mag", "b_gate"),
    "batchtopk": ("b_enc", "topk_threshold"),  # a training that was not finished; it is saved as jumprelu
}


def _recognises(path: Path) -> bool:
    return (path / CONFIG_FILE).is_file() and not (path / SPARSIFY_WEIGHTS_FILE).is_file()


def _read(path: Path) -> list[Dictionary]:
    """Read ``cfg.json`` and ``sae_weights.safetensors``, of any version that SAELens reads.

    Raises:
        InputError: In half a sentence: tensors are missing, unknown or of another shape than the
            configuration says, or something would make a feature no masked linear map of what it reads.
    """
    config = parse_saelens_config(read_json_object(path / CONFIG_FILE))
    weights = path / WEIGHTS_FILE
    if not weights.is_file():
        other_tools = [
            f" ({tool} keeps them in {n})" for n, tool in _OTHER_TOOLS.items() if (path / n).exists()
        ]
        raise InputError(
            f"has no weights: there is no file {WEIGHTS_FILE} beside its {CONFIG_FILE}"
            + "".join(other_tools[:1])
        )
    file = WeightFile(weights)
    check_tensors(config, file.shapes)
    file.check_dtypes(file.shapes)
    state = {name: file.tensor(name) for name in file.shapes}
    return [replace(dictionary_from_state(path.name, config, state, is_mapped=True), files=(file,))]


def download_release(release: str, identity: str, hub_answers: bool = True) -> Dictionary:
    """Download a dictionary that SAELens knows by name; only ever at a person's own request.

    Weights in torch's own format are read with ``weights_only``, torch's default from 2.6 on.

    Args:
        release: Name of the release.
        identity: Name of the dictionary in it.
        hub_answers: Whether Hugging Face does; else it comes from what was downloaded before.

    Raises:
        InputError: The name is unknown, there is no network, or the dictionary cannot be used.
    """
    with warnings.catch_warnings(), hub_access(hub_answers):
        warnings.simplefilter("ignore")
        try:
            from sae_lens import SAE  # takes seconds to import, for downloads alone
        except Exception as error:  # absent, or made for another TransformerLens than is installed
            raise InputError(
                f"The dictionary '{identity}' of the release '{release}' is downloaded by SAELens, which "
                f"cannot be imported here ({first_error_line(error)}); install it ('pip install sae-lens', "
                "which also installs a TransformerLens that it works with), or download the dictionary and "
                "give its folder."
            ) from error
        try:
            loaded = SAE.from_pretrained(release, identity, device="cpu")
        except Exception as error:  # the network, the hub and SAELens fail in many ways
            if not hub_answers and isinstance(error, OSError):
                why = (
                    "what a file names is downloaded only when a person asks for it; open it by its name"
                    if is_download_forbidden()
                    else "Hugging Face does not answer (no network); try again with a network"
                )
                raise InputError(
                    f"The dictionary '{identity}' of the release '{release}' was not downloaded before, and "
                    f"{why}, or give its folder."
                ) from error
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            reason = reason.partition(". Please")[0].rstrip(".")[:200]
            raise InputError(
                f"SAELens did not give the dictionary '{identity}' of the release '{release}' ({reason}); "
                "check both names and the network, or download it and give its folder."
            ) from error
    name = f"{release}/{identity}"
    state = {key: tensor.detach() for key, tensor in loaded.state_dict().items()}
    try:
        config = parse_saelens_config(dict(loaded.cfg.to_dict()))
        check_tensors(config, {key: tuple(tensor.shape) for key, tensor in state.items()})
        return dictionary_from_state(name, config, state)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("The ") else f"The dictionary '{name}' {text}.") from None


def check_tensors(config: SaelensConfig, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that tensors are those of the configuration, in their shapes.

    Raises:
        InputError: In half a sentence.
    """
    architecture = config.architecture
    d_in, d_sae, d_out = config.d_in, config.d_sae, config.d_out
    expected: dict[str, tuple[int, ...]] = {
        "W_enc": (d_in, d_sae),
        "W_dec": (d_sae, d_out),
        "b_dec": (d_out,),
    }
    expected |= dict.fromkeys(_ENCODERS.get(architecture, ("b_enc",)), (d_sae,))
    if architecture.startswith("jumprelu"):
        expected["log_threshold" if "log_threshold" in shapes else "threshold"] = (d_sae,)
    if "skip" in architecture:
        expected["W_skip"] = (d_out, d_in)
    if "topk_threshold" in expected:
        expected["topk_threshold"] = ()
    optional = dict.fromkeys(_SCALINGS, (d_sae,))
    if missing := sorted(expected.keys() - shapes.keys()):
        raise InputError(f"is of the architecture '{architecture}' and holds no {', '.join(missing)}")
    if unknown := sorted(shapes.keys() - expected.keys() - optional.keys()):
        raise InputError(
            f"holds {_quote_names(unknown)}, which the architecture '{architecture}' does not have; what is "
            "not used would change its features without a word"
        )
    for name, shape in {**expected, **optional}.items():
        if name in shapes and shapes[name] != shape:
            raise InputError(
                f"holds {name} of shape {list(shapes[name])}, and its configuration (d_in {d_in}, "
                f"d_sae {d_sae}, d_out {d_out}) makes it {list(shape)}"
            )


def dictionary_from_state(
    name: str, config: SaelensConfig, state: Mapping[str, Tensor], is_mapped: bool = False
) -> Dictionary:
    """Make a dictionary from a configuration and the weights that ``check_tensors`` accepted.

    Args:
        name: Its name.
        config: Its configuration.
        state: Its weights; encoder and decoder stay as they are.
        is_mapped: Whether they are read from a file where they are used.
    """
    encoder, decoder = state["W_enc"].detach(), state["W_dec"].detach()
    dtype = torch.float64 if encoder.dtype == torch.float64 else torch.float32
    state = {
        name: tensor.detach().to(dtype) for name, tensor in state.items() if name not in ("W_enc", "W_dec")
    }
    gain = threshold = gate = None
    scaling = _decoder_scaling(config, state)
    if config.architecture == "gated":
        gain, bias, gate = state["r_mag"].exp(), state["b_mag"], state["b_gate"]
    else:
        bias = state["b_enc"]
    if config.rescales_by_decoder_norm:
        gain = row_norms(decoder, bias)
        bias = bias * gain
        scaling = 1 / gain if scaling is None else scaling / gain
    if "threshold" in state:
        threshold = state["threshold"]
    elif "log_threshold" in state:
        threshold = state["log_threshold"].exp()
    elif "topk_threshold" in state:
        threshold = torch.full_like(bias, float(state["topk_threshold"]))
    if config.subtracts_decoder_bias:
        shift = project(state["b_dec"][None], encoder)[0]
        bias = bias - (shift if gain is None else shift * gain)
        gate = None if gate is None else gate - shift
    return Dictionary(
        name=name,
        architecture=config.architecture,
        site=config.site,
        encoder=encoder,
        bias=bias,
        decoder=decoder,
        decoder_bias=state["b_dec"],
        gain=gain,
        gate_bias=gate,
        threshold=threshold,
        k=config.k,
        skip=state.get("W_skip"),
        decoder_gain=scaling,
        processing=config.processing,
        model=config.model,
        about=config.metadata,
        is_mapped=is_mapped,
    )


def write_saelens_folder(dictionary: Dictionary, path: Path) -> None:
    """Write a dictionary as a folder that SAELens reads; what is read back encodes the same.

    Raises:
        InputError: SAELens has no dictionaries of its architecture.
    """
    if dictionary.architecture not in SAELENS_ARCHITECTURES:
        raise InputError(
            f"The dictionary '{dictionary.name}' is a {dictionary.architecture}, which SAELens' folders "
            f"cannot hold; {', '.join(SAELENS_ARCHITECTURES)} can be written."
        )
    encoder, decoder = (m.to(dictionary.bias.dtype) for m in (dictionary.encoder, dictionary.decoder))
    if dictionary.gain is not None and dictionary.gate_bias is None:
        encoder = encoder * dictionary.gain
    if dictionary.decoder_gain is not None:
        decoder = decoder * dictionary.decoder_gain[:, None]
    state = {"W_enc": encoder, "W_dec": decoder, "b_dec": dictionary.decoder_bias}
    if dictionary.gate_bias is not None:
        assert dictionary.gain is not None
        state |= {"r_mag": dictionary.gain.log(), "b_mag": dictionary.bias, "b_gate": dictionary.gate_bias}
    else:
        state["b_enc"] = dictionary.bias
    if dictionary.threshold is not None:
        state["threshold"] = dictionary.threshold
    if dictionary.skip is not None:
        state["W_skip"] = dictionary.skip
    hook, hook_out = dictionary.site.hooks
    config: dict[str, Any] = {
        "architecture": "jumprelu" if dictionary.architecture == "batchtopk" else dictionary.architecture,
        "d_in": dictionary.d_in,
        "d_sae": dictionary.features,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "hook_z" if dictionary.site.reads == "z" else "none",
        "metadata": {
            **_metadata_to_write(dictionary),
            "sae_lens_version": WRITTEN_SAELENS_VERSION,
            "model_name": None if dictionary.model is None else display_name(dictionary.model),
            "hook_name": hook,
            "hook_name_out": hook_out if dictionary.site.is_transcoder else None,
        },
    }
    if dictionary.site.is_transcoder:
        config["d_out"] = dictionary.d_out
    if dictionary.k is not None:
        config |= {"k": dictionary.k, "rescale_acts_by_decoder_norm": False}
    path.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().cpu() for name, tensor in state.items()}, path / WEIGHTS_FILE)
    (path / CONFIG_FILE).write_text(json.dumps(config, indent=1), encoding="utf-8")


def _decoder_scaling(config: SaelensConfig, state: Mapping[str, Tensor]) -> Tensor | None:
    """Return factors of the decoder [features] that finetuning left separate; None where all are one."""
    scales = [name for name in _SCALINGS if name in state and not bool((state[name] == 1).all())]
    if not scales:
        return None
    if len(scales) > 1 or not config.has_finetuning_scale:
        raise InputError(
            f"holds {_quote_names(scales)} that is not one everywhere, and its configuration has no "
            "finetuning_scaling_factor to use it"
        )
    return state[scales[0]]


def _metadata_to_write(dictionary: Dictionary) -> dict[str, Any]:
    """Return the metadata of a dictionary's file, with its processing where the metadata do not imply it."""
    metadata: dict[str, Any] = {
        k: v for k, v in dictionary.about.items() if isinstance(v, str | int | float | bool | dict | list)
    }
    metadata.pop("processing", None)
    if stated_processing({**metadata, "sae_lens_version": WRITTEN_SAELENS_VERSION}) == dictionary.processing:
        return metadata
    stated = {**(metadata.get(PRETRAINED_KWARGS_KEY) or {}), **asdict(dictionary.processing)}
    return {**metadata, "model_class_name": "HookedTransformer", PRETRAINED_KWARGS_KEY: stated}


def _quote_names(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:60]) for name in names[:4]) + (" …" if len(names) > 4 else "")


dictionary_formats.register("saelens", summary="a SAELens dictionary")(
    DictionaryFormat(f"{CONFIG_FILE} with {WEIGHTS_FILE} (SAELens)", _recognises, _read)
)
