"""Hashes by which files recognise a model's weights, independent of what wraps the model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from circuitviz.cancellation import check_cancelled

HASH_PREFIX = "sha256:"  # hashes without it are legacy hashes


def parameter_hash(parameters: Mapping[str, Tensor]) -> str:
    """``sha256:…`` over each parameter: name, dtype, shape and bytes, in the order of the names.

    Args:
        parameters: By the names that Hugging Face gives them before anything wraps the model, tied ones once.
    """
    digest = hashlib.sha256()
    for name in sorted(parameters):
        check_cancelled()
        value = parameters[name].detach()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(_tensor_bytes(value))
    return HASH_PREFIX + digest.hexdigest()


def legacy_weight_hash(hf: Any) -> str:
    """The hash in files of earlier versions: over all that a wrapped model lists, some of it several times.

    It depends on how the installed version of TransformerLens wraps, so a file made with another version may
    differ in it and hold the same weights.
    """
    digest = hashlib.sha256()
    state = hf.state_dict()
    for key in sorted(state):
        digest.update(key.replace("_original_component.", "").encode())
        digest.update(_tensor_bytes(state[key].detach()))
    return digest.hexdigest()


def is_stable_hash(weight_hash: str) -> bool:
    """Whether a hash is of the kind that is equal exactly where the weights are."""
    return weight_hash.startswith(HASH_PREFIX)


def _tensor_bytes(value: Tensor) -> Any:
    return value.cpu().contiguous().flatten().view(torch.uint8).numpy().data
