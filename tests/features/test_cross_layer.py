"""Cross-layer transcoders: features that write to the MLP outputs of their own and all later layers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from slow_features import random_cross_layer as cross_layer

from circuitviz.errors import InputError
from circuitviz.features import DictionarySite, check_dictionary, write_cross_layer_folder

WIDTH = 16


def test_what_activations_write_to_each_layer() -> None:
    dictionary = cross_layer(1, 2)
    assert dictionary.last_layer == 3
    x = torch.randn(5, WIDTH, dtype=torch.float64)
    raw = x @ dictionary.encoder + dictionary.bias
    activation = raw * (raw > dictionary.threshold)
    torch.testing.assert_close(dictionary.encode(x), activation)
    torch.testing.assert_close(
        dictionary.decode(activation), activation @ dictionary.decoder + dictionary.decoder_bias
    )
    for layer in (2, 3):
        right = activation @ dictionary.later_decoder[:, layer - 2]
        torch.testing.assert_close(dictionary.write_at(activation, layer), right)
        index = torch.tensor([3, 0, 3])
        torch.testing.assert_close(
            dictionary.rows_at(index, layer), dictionary.later_decoder[index, layer - 2]
        )
    assert torch.equal(dictionary.rows_at(torch.tensor([4]), 1), dictionary.decoder[[4]])


def test_what_cannot_be_a_cross_layer_transcoder_is_refused(demo_features: Any) -> None:
    dictionary = cross_layer(1, 2)
    with pytest.raises(InputError, match="decoders of shape"):
        replace(dictionary, later_decoder=dictionary.later_decoder[:, :, :5])
    with pytest.raises(InputError, match="decoders of shape"):
        replace(dictionary, site=DictionarySite(1, "m", "written"))
    layers, width = demo_features.model.shape.n_layers, demo_features.model.shape.d_model
    with pytest.raises(InputError, match=f"writes to layers 1 to {layers}"):
        check_dictionary(cross_layer(1, layers - 1, width), demo_features.model)
    check_dictionary(cross_layer(1, layers - 2, width), demo_features.model)


def test_a_written_folder_holds_what_circuit_tracer_reads(tmp_path: Path) -> None:
    """Encoders transposed, decoders of all target layers in one tensor; each layer computes the same."""
    dictionaries = [replace(cross_layer(i, 2 - i), model="demo") for i in range(3)]
    write_cross_layer_folder(dictionaries, tmp_path / "transcoder")
    config = json.loads((tmp_path / "transcoder" / "config.yaml").read_text())
    assert config["model_kind"] == "cross_layer_transcoder" and config["model_name"] == "demo"
    assert DictionarySite.from_hooks(
        f"blocks.1.{config['feature_input_hook']}", f"blocks.1.{config['feature_output_hook']}"
    ) == DictionarySite(1, "m", "normalised")
    x = torch.randn(5, WIDTH, dtype=torch.float64)
    for layer, one in enumerate(dictionaries):
        stored = load_file(tmp_path / "transcoder" / f"W_enc_{layer}.safetensors")
        decoder = load_file(tmp_path / "transcoder" / f"W_dec_{layer}.safetensors")[f"W_dec_{layer}"]
        assert decoder.shape == (one.features, 3 - layer, WIDTH)
        raw = torch.einsum("fd,td->tf", stored[f"W_enc_{layer}"], x) + stored[f"b_enc_{layer}"]
        activation = raw * (raw > stored[f"threshold_{layer}"])
        torch.testing.assert_close(one.encode(x), activation)
        for target in range(layer, 3):
            written = torch.einsum("tf,fd->td", activation, decoder[:, target - layer])
            torch.testing.assert_close(one.write_at(activation, target), written)
        torch.testing.assert_close(
            one.decode(activation) - activation @ decoder[:, 0], stored[f"b_dec_{layer}"].expand(5, -1)
        )
    with pytest.raises(InputError, match="given as layer 0 of 2"):
        write_cross_layer_folder(dictionaries[1:], tmp_path / "wrong")
