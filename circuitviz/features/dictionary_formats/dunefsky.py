"""The GPT-2 transcoders of [dunefsky2024transcoders], torch files that are read as plain data only.

This is the one place where such a file is opened. ``weights_only`` refuses whatever is not on a list:
tensors, plain values, and the attributes of one configuration class, whose own code never runs (a stand-in
takes the attributes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import DictionaryFormat, dictionary_formats
from circuitviz.features.matrix_blocks import project
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_processing import DEFAULT_PROCESSING


class _RunnerConfig:
    """Takes the attributes of the configuration that the files hold."""


_CONFIG_CLASSES = ("sae_training.config", "transcoder_training.config")


def read_dunefsky_transcoder(path: Path) -> Dictionary:
    """Read one ``.pt`` file: ``cfg`` and ``state_dict`` with W_enc, b_enc, W_dec, b_dec, b_dec_out.

    The encoder reads input − b_dec, which is folded into its bias.

    Raises:
        InputError: The file holds anything else, or asks for code to be run.
    """
    allowed_classes = [
        (_RunnerConfig, f"{module}.LanguageModelSAERunnerConfig") for module in _CONFIG_CLASSES
    ]
    try:
        with torch.serialization.safe_globals([*allowed_classes, torch.device]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a foreign file fails in many ways
        raise InputError(
            f"'{path}' could not be read as a transcoder ({_reason(error)}); a .pt file may hold tensors "
            "and a transcoder's configuration alone, as those of transcoder_circuits do."
        ) from error
    state = content.get("state_dict") if isinstance(content, dict) else None
    required_names = {"W_enc", "b_enc", "W_dec", "b_dec", "b_dec_out"}
    if not isinstance(state, dict) or not required_names <= state.keys():
        raise InputError(
            f"'{path}' holds no transcoder: it needs 'cfg' and a 'state_dict' with "
            f"{', '.join(sorted(required_names))}."
        )
    weights = {name: _checked_weight(path, name, state[name]) for name in required_names}
    d_in, features = weights["W_enc"].shape if weights["W_enc"].dim() == 2 else (0, 0)
    shapes = {"W_enc": (d_in, features), "b_enc": (features,), "W_dec": (features, len(weights["b_dec_out"]))}
    for name, shape in {**shapes, "b_dec": (d_in,)}.items():
        if 0 in shape or weights[name].shape != shape:
            raise InputError(
                f"'{path}' holds {name} of shape {list(weights[name].shape)}; with its other tensors, "
                f"{list(shape)} would be right."
            )
    cfg = content.get("cfg")
    config: dict[str, Any] = (
        cfg if isinstance(cfg, dict) else vars(cfg) if isinstance(cfg, _RunnerConfig) else {}
    )
    model = config.get("model_name")
    return Dictionary(
        name=path.stem,
        architecture="transcoder",
        site=DictionarySite.from_hooks(str(config.get("hook_point")), str(config.get("out_hook_point"))),
        encoder=weights["W_enc"],
        bias=weights["b_enc"].float() - project(weights["b_dec"].float()[None], weights["W_enc"])[0],
        decoder=weights["W_dec"],
        decoder_bias=weights["b_dec_out"].float(),
        processing=DEFAULT_PROCESSING,  # its training opened models with HookedTransformer.from_pretrained
        model=model if isinstance(model, str) else None,
        is_mapped=True,
    )


def _checked_weight(path: Path, name: str, value: object) -> Tensor:
    """Return a tensor of the file.

    Raises:
        InputError: It is no tensor, or claims more than the file holds.
    """
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.dim() not in (1, 2):
        raise InputError(f"'{path}' holds '{name}' that is no vector or matrix; its file is damaged.")
    if not value.is_floating_point() or value.numel() * value.element_size() > path.stat().st_size:
        raise InputError(
            f"'{path}' holds '{name}' as {value.dtype} of shape {list(value.shape)}, more than the file can "
            "hold or no floating point; its file is damaged."
        )
    return value.detach()


def _reason(error: Exception) -> str:
    """Return torch's message, without its advice on how to run the code in the file."""
    text = str(error).partition("WeightsUnpickler error: ")[2] or str(error) or type(error).__name__
    return text.strip().splitlines()[0].partition(" Please use")[0].rstrip(". ")[:200]


dictionary_formats.register("transcoder-circuits", summary="a transcoder of transcoder_circuits")(
    DictionaryFormat(
        "a .pt file of transcoder_circuits",
        lambda path: path.suffix == ".pt" and path.is_file(),
        lambda path: [read_dunefsky_transcoder(path)],
    )
)
