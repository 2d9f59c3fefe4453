"""Weights that are stored otherwise than they are computed with: in half precision, or in the host's memory.

Stored in bfloat16 or float16, a model's matrices take half the memory. Everything is computed in float32 all
the same: scores are differences of nearly equal metrics, which are lost where streams and logits have 8 or 11
significant bits (methods.md, Precision). So each module that owns such a matrix makes a float32 copy of it
for its own pass, or gives one to who reads it, and keeps none. Hooks, streams, gradients and scores are those
of the float32 model whose matrices were rounded, and the checks at opening are as tight as for any other.

In the same way, the matrices of blocks for which the GPUs have no room stay in the host's memory, and each is
copied to the device that its block is computed on (``placement``).

Vectors (biases, and weights of normalisations) are stored in float32 on that device: they take no memory
worth mentioning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache, wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

HALF_DTYPES = (torch.bfloat16, torch.float16)
MAX_COPIED_VALUES = 2**24  # of a linear map at once; an unembedding has many more
_COPIES = "_float32_copies"  # attribute of a module during its own pass
_DEVICE = "_computing_device"  # attribute of a module whose matrices may be elsewhere


def is_half(tensor: Tensor | None) -> bool:
    """Whether a tensor is in half precision."""
    return tensor is not None and tensor.dtype in HALF_DTYPES


def to_computed(tensor: Tensor, device: torch.device | None = None) -> Tensor:
    """A stored tensor in the precision that is computed in: float32 for half precision, else its own.

    Args:
        tensor: The tensor.
        device: Where it is computed with; where it is stored by default.
    """
    if device is not None and tensor.device != device:
        tensor = tensor.to(device)
    return tensor.float() if is_half(tensor) else tensor


def computing_device(module: nn.Module) -> torch.device | None:
    """Where a module computes; None where that is where its weights are."""
    device: torch.device | None = module.__dict__.get(_DEVICE)
    return device


def run_on_own_device(module: nn.Module, x: Tensor) -> Any:
    """What a module gives for a tensor of any device, on that device; a tuple stays where the module is."""
    device = computing_device(module) or x.device
    output = module(x.to(device))
    return output.to(x.device) if isinstance(output, Tensor) else output


def compute_on(root: nn.Module, device: torch.device) -> None:
    """Let all modules compute on a device, wherever their matrices are; vectors and buffers go there.

    It takes effect with ``compute_in_float32``.
    """
    for module in root.modules():
        module.__dict__[_DEVICE] = device
        for parameter in module._parameters.values():
            if parameter is not None and parameter.dim() < 2:
                parameter.data = parameter.data.to(device)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to(device)


def stored_weight(module: nn.Module) -> Tensor:
    """A module's ``weight`` as it is kept, without a copy; of a bridge's component, the wrapped module's."""
    while "_original_component" in module._modules:
        module = module._modules["_original_component"]  # type: ignore[assignment]
    weight = module._parameters["weight"]
    assert weight is not None
    return weight.detach()


def owns_half_weight(module: nn.Module) -> bool:
    """Whether a module's own ``weight`` is kept in half precision."""
    return is_half(module._parameters.get("weight"))


def _is_copied(module: nn.Module, parameter: Tensor | None) -> bool:
    """Whether a module's parameter is computed with as a copy."""
    if parameter is None:
        return False
    device = computing_device(module)
    return is_half(parameter) or (device is not None and parameter.device != device)


def compute_in_float32(root: nn.Module) -> None:
    """Let all modules compute with copies of what they store in half precision or elsewhere.

    Others stay as they are.

    A module's class is replaced by a subclass of the same name, so that whatever asks for its class, replaces
    its ``forward`` or lists its parameters goes on as before.
    """
    for module in root.modules():
        for parameter in module._parameters.values():
            if parameter is not None and is_half(parameter) and parameter.dim() < 2:
                parameter.data = parameter.data.float()
        for name, buffer in module._buffers.items():
            if buffer is not None and is_half(buffer):
                module._buffers[name] = buffer.float()
        names = tuple(name for name, value in module._parameters.items() if _is_copied(module, value))
        plain: Any = type(module)
        if names and not hasattr(plain, "plain_class"):
            module.__class__ = _float32_class(plain, names)


@contextmanager
def computing_in_float32(root: nn.Module) -> Iterator[None]:
    """``compute_in_float32`` within a ``with`` block.

    TransformerLens takes some modules' matrices apart; it has to see them as they are kept.
    """
    compute_in_float32(root)
    try:
        yield
    finally:
        for module in root.modules():
            module.__class__ = getattr(type(module), "plain_class", type(module))


@cache
def _float32_class(plain: Any, names: tuple[str, ...]) -> Any:
    """A subclass whose named matrices are read as float32 copies."""
    members: dict[str, Any] = {"__module__": plain.__module__, "plain_class": plain}
    if issubclass(plain, nn.Embedding):
        bases = (_FloatEmbedding,) if plain is nn.Embedding else (plain, _FloatEmbedding)
        return type(plain.__name__, bases, members)
    members |= {name: property(_copy_reader(name)) for name in names}
    members["forward"] = _forward_linear if plain is nn.Linear else _forward_with_copies(plain, names)
    return type(plain.__name__, (plain,), members)


class _FloatEmbedding(nn.Embedding):
    """Rows of a table are copied after they were looked up.

    A table is never elsewhere than it is computed with: embeddings are outside the blocks. Next to
    ``nn.Embedding`` in the order of classes, so that subclasses that multiply rows find it.
    """

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).float()


def _copy_reader(name: str) -> Callable[[nn.Module], Tensor]:
    """The getter of a matrix: its copy of this pass, or a new one."""

    def read(module: nn.Module) -> Tensor:
        copies: Mapping[str, Tensor] = module.__dict__.get(_COPIES, {})
        if name in copies:
            return copies[name]
        weight = module._parameters[name]
        assert weight is not None
        return to_computed(weight, computing_device(module))

    return read


def _forward_with_copies(plain: type[nn.Module], names: tuple[str, ...]) -> Callable[..., Any]:
    """A module's own pass, with one copy of each matrix, however often it is read (mixtures of experts)."""
    original: Callable[..., Any] = plain.forward

    @wraps(original)
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        stored = {name: self._parameters[name] for name in names}
        device = computing_device(self)
        copies = {name: to_computed(weight, device) for name, weight in stored.items() if weight is not None}
        self.__dict__[_COPIES] = copies
        try:
            with _keep_stored({copy: stored[name] for name, copy in copies.items()}, device):
                return original(self, *args, **kwargs)
        finally:
            del self.__dict__[_COPIES]

    return forward


def _forward_linear(self: nn.Linear, input: Tensor) -> Tensor:
    """A linear map in portions of its rows, each copied for itself."""
    weight, bias, device = stored_weight(self), self.bias, computing_device(self)
    parts = []
    rows = max(1, MAX_COPIED_VALUES // weight.shape[1])
    for start in range(0, len(weight), rows):
        stored = weight[start : start + rows]
        copy = to_computed(stored, device)
        with _keep_stored({copy: stored}, device):
            parts.append(functional.linear(input, copy, None if bias is None else bias[start : start + rows]))
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def _keep_stored(stored_of_copy: Mapping[Tensor, Tensor | None], device: torch.device | None) -> Any:
    """Let autograd keep matrices as they are stored, and copy them again when a gradient passes.

    Otherwise one backward pass would hold the float32 copies of all layers.
    """
    if not torch.is_grad_enabled():
        return nullcontext()
    stored_at = {copy.untyped_storage().data_ptr(): stored for copy, stored in stored_of_copy.items()}

    def pack(saved: Tensor) -> Any:
        stored = stored_at.get(saved.untyped_storage().data_ptr())
        if stored is None:
            return saved
        return stored, saved.size(), saved.stride(), saved.storage_offset()

    def unpack(packed: Any) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        stored, size, stride, offset = packed
        return to_computed(stored, device).as_strided(size, stride, offset)

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)
