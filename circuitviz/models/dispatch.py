"""Models that are spread over devices, because their weights exceed one: where each block is, and computes.

1. ``plan_device_map`` lets accelerate fill the GPUs of this machine and then the host's memory with blocks.
   All else (embeddings, the final normalisation, the unembedding) is on the first GPU, the *main device*.
2. Hugging Face loads and dispatches the model by that map; ``place_model`` does it with a model in memory.
3. ``place_model`` takes accelerate's hooks off again. They replace a module's ``forward``, as patched passes
   do, and leave nothing but empty tensors of offloaded weights, which scores are computed with. Instead, a
   block on a GPU is sent what it reads (``send_inputs``), and one in the host's memory computes on the main
   device with a copy of each matrix for its own pass (``stored_weights``).

What hooks and replacements are given, what ``LayerWeights`` reads and all that is computed of it is on the
main device (``Model.device``), so nothing outside the model's own pass knows how it is spread: each layer's
outputs and gradients are copied there once a pass, and sums over senders stay there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from accelerate import infer_auto_device_map
from accelerate.hooks import remove_hook_from_module
from accelerate.utils import send_to_device
from torch import nn

from circuitviz.dtypes import AUTO_DEVICE, BYTES_PER_VALUE
from circuitviz.errors import InputError
from circuitviz.models.memory_needs import (
    HOST,
    MemoryNeeds,
    MemoryShortError,
    device_name,
    format_gigabytes,
    free_bytes,
)
from circuitviz.models.placement import DevicePlacement
from circuitviz.models.stored_weights import compute_on

WEIGHTS_SHARE = 0.75  # of a device's free memory; a batch may take the rest

DeviceMap = dict[str, int | str]
"""Name of a module → number of a GPU, or ``cpu``: what accelerate and transformers call ``device_map``."""


def gpus() -> tuple[torch.device, ...]:
    """The GPUs of this machine."""
    return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))


def find_blocks(hf: Any) -> nn.ModuleList:
    """The blocks of a Hugging Face model, or of the language model inside it.

    Raises:
        InputError: It has none.
    """
    n_layers = hf.config.get_text_config(decoder=True).num_hidden_layers
    for module in hf.get_decoder().modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return module
    raise InputError(
        f"The device 'auto' was asked for, and a {type(hf).__name__} has no list of blocks to spread; cpu "
        "or cuda would be right."
    )


def plan_device_map(hf: Any, name: str, dtype: str) -> DeviceMap:
    """Where each part of a model goes: one device where it fits, else GPUs and the host's memory in turn.

    Args:
        hf: The Hugging Face model, which may be on torch's ``meta`` device.
        name: The model's name in error messages.
        dtype: The precision of its matrices.

    Returns:
        ``{"": device}``, or the device of each block and of each module outside them.

    Raises:
        MemoryShortError: All together have no room for it.
    """
    found, needs = gpus(), MemoryNeeds.of_model(hf)
    if not found:
        return {"": "cpu"}
    room = {device: int(WEIGHTS_SHARE * free_bytes(device)) for device in (*found, HOST)}
    for device in found:
        if needs.n_bytes(dtype) <= room[device]:
            return {"": device.index}
    blocks = find_blocks(hf)
    n_of_blocks = sum(parameter.numel() for parameter in blocks.parameters())
    n_bytes_outside = BYTES_PER_VALUE[dtype] * (needs.n_values - n_of_blocks)
    room_of_blocks = {device.index if device != HOST else "cpu": n for device, n in room.items()}
    room_of_blocks[found[0].index] = max(0, room[found[0]] - n_bytes_outside)
    of_blocks = infer_auto_device_map(
        blocks,
        max_memory=room_of_blocks,
        no_split_module_classes=sorted({type(block).__name__ for block in blocks}),
        dtype=getattr(torch, dtype),
        clean_result=False,
    )
    if n_bytes_outside > room[found[0]] or "disk" in of_blocks.values():
        raise _does_not_fit(needs, name, dtype, room)
    prefix = next(path for path, module in hf.named_modules() if module is blocks)
    outside = dict.fromkeys(_outside_blocks(hf, blocks), found[0].index)
    return {**outside, **{f"{prefix}.{key}": device for key, device in of_blocks.items()}}


def _does_not_fit(
    needs: MemoryNeeds, name: str, dtype: str, room: dict[torch.device, int]
) -> MemoryShortError:
    needed = needs.n_bytes(dtype, keeps_maps=False)
    places = ", ".join(f"{format_gigabytes(n)} on {device_name(device)}" for device, n in room.items())
    message = (
        f"The model '{name}' needs {format_gigabytes(needed)} in {dtype} ({needs.n_values:,} parameters); "
        f"weights may take {places}, which are three quarters of what is free, and whole layers have to fit "
        "(none is left on the disk, from which every pass would read it again); "
    )
    remedy = "a smaller model, or a machine with more memory, would be right."
    if dtype == "float32":
        remedy = "bfloat16, which takes half of it, or a smaller model would be right (--dtype bfloat16)."
    return MemoryShortError(message + remedy, tuple(room), int(needed / WEIGHTS_SHARE))


def _outside_blocks(module: nn.Module, blocks: nn.Module, prefix: str = "") -> Iterator[str]:
    """Names of the largest modules, and of single parameters, that hold no block."""
    for name, _ in module.named_parameters(recurse=False):
        yield prefix + name
    for name, child in module.named_children():
        if child is blocks:
            continue
        if any(part is blocks for part in child.modules()):
            yield from _outside_blocks(child, blocks, f"{prefix}{name}.")
        else:
            yield prefix + name


def place_model(hf: Any, name: str, device: str, dtype: str) -> DevicePlacement:
    """Put a Hugging Face model where it is to compute, before anything wraps it.

    Args:
        hf: The model, which accelerate may have dispatched (``hf_device_map``).
        name: Its name in error messages.
        device: ``cpu``, ``cuda``, or ``auto``, which leaves a dispatched model where it is.
        dtype: The precision of its matrices.

    Raises:
        InputError: It has no room, or parts of it are on the disk.
    """
    dispatched: DeviceMap = getattr(hf, "hf_device_map", None) or {}
    if "disk" in dispatched.values():
        raise InputError(
            f"The model '{name}' has layers on the disk (device_map), from which every pass would read them "
            "again; GPUs and the host's memory (cpu) would be right."
        )
    _remove_hooks(hf)
    if device != AUTO_DEVICE:
        hf.to(device)
        return _whole(hf)
    device_map = dispatched or plan_device_map(hf, name, dtype)
    if len(set(device_map.values())) == 1:
        hf.to(*map(_as_device, set(device_map.values())))
        return _whole(hf)
    blocks = find_blocks(hf)
    prefix = next(path for path, module in hf.named_modules() if module is blocks)
    stored = [_device_of(f"{prefix}.{index}", device_map) for index in range(len(blocks))]
    main = next((device for device in map(_as_device, device_map.values()) if device != HOST), HOST)
    for block, place in zip(blocks, stored, strict=True):
        block.to(place)
    for path in _outside_blocks(hf, blocks):
        owner, _, last = path.rpartition(".")
        part = getattr(hf.get_submodule(owner), last)
        if isinstance(part, nn.Parameter):
            part.data = part.data.to(main)
        else:
            part.to(main)
    placement = DevicePlacement(main, tuple(stored))
    send_inputs(blocks, placement)
    inside = {id(module) for module in blocks.modules()}
    for module in hf.modules():
        if id(module) not in inside and any(True for _ in module.parameters(recurse=False)):
            _send_inputs_to(module, main)
    return placement


def send_inputs(blocks: nn.ModuleList, placement: DevicePlacement) -> None:
    """Let each block of a spread model compute where it should, whatever it is given.

    Args:
        blocks: Hugging Face's, or those of the bridge around them, which may have made modules of their own.
        placement: Where they are.
    """
    if not placement.is_spread:
        return
    for layer in range(len(placement.stored)):
        compute_on(blocks[layer], placement.computes(layer))
        _send_inputs_to(blocks[layer], placement.computes(layer))


def send_bridge_inputs(bridge: Any, placement: DevicePlacement) -> None:
    """Let the blocks of a bridge around a placed model, and what comes after them, compute where they are."""
    if placement.is_spread:
        send_inputs(bridge.blocks, placement)
        for module in (bridge.ln_final, bridge.unembed):
            _send_inputs_to(module, placement.main)


def _send_inputs_to(module: nn.Module, device: torch.device) -> None:
    module.register_forward_pre_hook(partial(_send, device), with_kwargs=True)


def _send(
    device: torch.device, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    return send_to_device(args, device), send_to_device(kwargs, device)


def _whole(hf: Any) -> DevicePlacement:
    device = next(hf.parameters()).device
    return DevicePlacement(device, (device,) * hf.config.get_text_config(decoder=True).num_hidden_layers)


def _remove_hooks(hf: Any) -> None:
    """Take accelerate's hooks off; weights that they keep in the host's memory come back to their modules."""
    if not getattr(hf, "hf_device_map", None):
        return
    remove_hook_from_module(hf, recurse=True)
    for module in hf.modules():
        module.__dict__.pop("forward", None)  # the module's own method, left where the hook had hidden it


def _device_of(path: str, device_map: DeviceMap) -> torch.device:
    """The device of a module, by its own name or that of a module around it; the model's own is empty."""
    while path not in device_map and path:
        path = path.rpartition(".")[0]
    return _as_device(device_map[path])


def _as_device(device: int | str | torch.device) -> torch.device:
    if isinstance(device, int):
        return torch.device("cuda", device)
    device = torch.device(device)
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device
