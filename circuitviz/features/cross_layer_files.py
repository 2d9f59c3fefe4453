"""Writing of cross-layer transcoders as folders in circuit-tracer's form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, cat

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary

CONFIG_FILE = "config.yaml"
_HOOKS = {"normalised": "mlp.hook_in", "stream": "hook_resid_mid"}


def write_cross_layer_folder(dictionaries: Sequence[Dictionary], path: Path) -> None:
    """Write a cross-layer transcoder as a folder.

    Encoders are [features, d_model]; a layer's decoder is [features, layers from it on, d_model].

    Args:
        dictionaries: One for each layer, from layer 0 on.
        path: The folder; it is made.

    Raises:
        InputError: A layer is missing, or a dictionary is none of a cross-layer transcoder.
    """
    number = len(dictionaries)
    for layer, one in enumerate(dictionaries):
        if one.later_decoder is None or one.site.layer != layer or one.last_layer != number - 1:
            raise InputError(
                f"'{one.name}' of {one.site.name} was given as layer {layer} of {number} of a cross-layer "
                f"transcoder; one that writes to all layers from {layer} to {number - 1} would be right."
            )
    path.mkdir(parents=True, exist_ok=True)
    config = {
        "model_kind": "cross_layer_transcoder",
        "model_name": dictionaries[0].model,
        "feature_input_hook": _HOOKS[dictionaries[0].site.reads],
        "feature_output_hook": "hook_mlp_out",
        **{key: value for key, value in dictionaries[0].about.items() if key == "training"},
    }
    (path / CONFIG_FILE).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    for layer, one in enumerate(dictionaries):
        assert one.later_decoder is not None
        encoder: dict[str, Tensor] = {
            f"W_enc_{layer}": one.encoder.T,
            f"b_enc_{layer}": one.bias,
            f"b_dec_{layer}": one.decoder_bias,
        }
        if one.threshold is not None:
            encoder[f"threshold_{layer}"] = one.threshold
        decoder = {f"W_dec_{layer}": cat([one.decoder[:, None], one.later_decoder], dim=1)}
        for name, tensors in ((f"W_enc_{layer}", encoder), (f"W_dec_{layer}", decoder)):
            stored = {key: tensor.detach().contiguous().cpu() for key, tensor in tensors.items()}
            save_file(stored, path / f"{name}.safetensors")
