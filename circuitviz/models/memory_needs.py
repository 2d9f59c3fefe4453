"""What a model takes in memory, known before anything of its size is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from circuitviz.dtypes import BYTES_PER_VALUE, FULL_DTYPE, WEIGHT_DTYPES
from circuitviz.errors import InputError

BYTES_PER_GB = 10**9
HOST = torch.device("cpu")


@dataclass(frozen=True)
class MemoryNeeds:
    """Numbers of values that an opened model keeps.

    Attributes:
        n_values: All parameters, tied ones once.
        n_matrix_values: Those of matrices, which are kept in the chosen precision; all else is in float32.
        n_map_values: Query, key and value maps with the normalisation folded in, which are kept beside the
            weights where these are in float32 (``LayerWeights.maps``).
        max_copied_values: Largest matrix of a module that makes a float32 copy of it for its own pass, as
            mixtures of experts do; linear maps copy portions.
    """

    n_values: int
    n_matrix_values: int
    n_map_values: int
    max_copied_values: int

    @staticmethod
    def of_model(skeleton: Any) -> MemoryNeeds:
        """The needs of a Hugging Face model that may be on torch's ``meta`` device."""
        parameters = list(skeleton.parameters())
        config = skeleton.config.get_text_config(decoder=True)

        def size(name: str) -> int:
            """A size; 0 where the configuration has no one number of that name."""
            value = getattr(config, name, None)
            return value if isinstance(value, int) else 0

        width, heads = size("hidden_size"), size("num_attention_heads")
        head_width = size("head_dim") or width // max(heads, 1)
        kv_heads = size("num_key_value_heads") or heads
        return MemoryNeeds(
            sum(p.numel() for p in parameters),
            sum(p.numel() for p in parameters if p.dim() > 1),
            size("num_hidden_layers") * width * head_width * (heads + 2 * kv_heads),
            max((p.numel() for p in parameters if p.dim() > 2), default=0),
        )

    def n_bytes(self, dtype: str, keeps_maps: bool = True) -> int:
        """Bytes that the model takes with its matrices in a precision.

        Args:
            dtype: The precision.
            keeps_maps: Whether maps in float32 are kept; of a model that is spread over devices none are.
        """
        full = BYTES_PER_VALUE[FULL_DTYPE]
        kept = self.n_matrix_values * BYTES_PER_VALUE[dtype] + (self.n_values - self.n_matrix_values) * full
        has_maps = keeps_maps and dtype == FULL_DTYPE
        return kept + full * (self.n_map_values if has_maps else self.max_copied_values)


class MemoryShortError(InputError):
    """A model does not fit into the free memory of devices, of which it needs ``needed_bytes`` in all."""

    def __init__(self, message: str, devices: tuple[torch.device, ...], needed_bytes: int) -> None:
        super().__init__(message)
        self.devices, self.needed_bytes = devices, needed_bytes

    @property
    def is_over(self) -> bool:
        """Whether enough is free now."""
        return sum(map(free_bytes, self.devices)) >= self.needed_bytes


def check_memory(needs: MemoryNeeds, name: str, device: torch.device, dtype: str) -> None:
    """Check that a model fits into the free memory of a device.

    Args:
        needs: What it takes.
        name: The model's name in error messages.
        device: Where it is to run.
        dtype: The precision of its matrices.

    Raises:
        MemoryShortError: It does not fit.
    """
    free = free_bytes(device)
    if needs.n_bytes(dtype) <= free:
        return
    fitting = [other for other in WEIGHT_DTYPES if needs.n_bytes(other) <= free]
    remedy = "a smaller model, or a machine with more memory, would be right"
    if fitting:
        size = format_gigabytes(needs.n_bytes(fitting[0]))
        remedy = f"{fitting[0]}, in which it needs {size}, would be right (--dtype {fitting[0]})"
    message = (
        f"The model '{name}' needs {format_gigabytes(needs.n_bytes(dtype))} in {dtype} ({needs.n_values:,} "
        f"parameters), {format_gigabytes(free)} are free on {device}; {remedy}."
    )
    raise MemoryShortError(message, (device,), needs.n_bytes(dtype))


def free_bytes(device: torch.device) -> int:
    """Free memory of a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def used_bytes(device: torch.device) -> int:
    """Memory of a device that this process has taken."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def free_device_memory(devices: Iterable[torch.device]) -> None:
    """Give memory of tensors that are gone back to devices, where torch keeps it."""
    if any(device.type == "cuda" for device in devices):
        torch.cuda.empty_cache()


def device_name(device: torch.device) -> str:
    """A device where the host's memory is one of several.

    >>> device_name(torch.device("cuda", 1)), device_name(HOST)
    ('cuda:1', 'host memory')
    """
    return "host memory" if device == HOST else str(device)


def format_gigabytes(n_bytes: int) -> str:
    """A size for messages.

    >>> format_gigabytes(16_060_000_000)
    '16.1 GB'
    """
    return f"{n_bytes / BYTES_PER_GB:.1f} GB"
