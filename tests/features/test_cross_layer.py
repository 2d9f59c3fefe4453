"""Cross-layer transcoders: features that write to the MLP outputs of their own and all later layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from slow_features import random_cross_layer as cross_layer

from circuitviz.errors import InputError
from circuitviz.features import Site, check_dictionary

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
        replace(dictionary, site=Site(1, "m", "written"))
    layers, width = demo_features.model.shape.n_layers, demo_features.model.shape.d_model
    with pytest.raises(InputError, match=f"writes to layers 1 to {layers}"):
        check_dictionary(cross_layer(1, layers - 1, width), demo_features.model)
    check_dictionary(cross_layer(1, layers - 2, width), demo_features.model)
