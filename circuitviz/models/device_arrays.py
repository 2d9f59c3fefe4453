"""Small arrays that the host works out and a device needs: masks, indices, factors.

A copy to a GPU costs as much as a kernel, however little is copied, so those of one pass go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ARRAY_ALIGNMENT = 8  # bytes, so that each array can be viewed in its own type


def copy_arrays(arrays: Sequence[NDArray[Any]], device: torch.device) -> list[Tensor]:
    """Contiguous arrays as tensors on a device, copied in one piece; on the CPU they share memory."""
    if device.type == "cpu" or not arrays:
        return [torch.from_numpy(array) for array in arrays]
    starts, size = [], 0
    for array in arrays:
        starts.append(size)
        size += -(-array.nbytes // ARRAY_ALIGNMENT) * ARRAY_ALIGNMENT
    joined = np.empty(size, dtype=np.uint8)
    for start, array in zip(starts, arrays, strict=True):
        joined[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
    on_device = torch.from_numpy(joined).to(device)
    tensors = []
    for start, array in zip(starts, arrays, strict=True):
        dtype, piece = torch.from_numpy(array).dtype, on_device[start : start + array.nbytes]
        tensors.append(
            piece.view(dtype).view(array.shape) if array.size else piece.new_empty(array.shape, dtype=dtype)
        )
    return tensors
