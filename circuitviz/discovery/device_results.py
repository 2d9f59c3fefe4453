"""Results that are computed on a device and fetched together.

A GPU works through what the host has queued for it; to fetch a number, the host waits until that is done.
So numbers stay where they are computed, and come to the host together: at the end of a batch of prompts, and
before that at a bounded rate, for the window to show. On the CPU nothing is queued, and every step is shown.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FETCH_INTERVAL_S = 0.25  # between two partial results


class FetchTimer:
    """Says whether a partial result is due.

    Args:
        device: Where results are computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._interval = 0.0 if device.type == "cpu" else FETCH_INTERVAL_S
        self._next_time = 0.0

    def is_due(self) -> bool:
        """Whether a partial result is to be fetched now."""
        now = time.monotonic()
        if now < self._next_time:
            return False
        self._next_time = now + self._interval
        return True


class DeviceResults:
    """Numbers of one array, which are added on the device piece by piece.

    Args:
        sizes: Shape of the array.

    Attributes:
        values: The numbers that were fetched, float64; 0 elsewhere.
        is_fetched: Which these are, bool of the same shape.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.values: NDArray[np.float64] = np.zeros(sizes)
        self.is_fetched: NDArray[np.bool_] = np.zeros(sizes, dtype=bool)
        self._pending: list[tuple[Any, Tensor]] = []

    def add(self, index: Any, values: Tensor) -> None:
        """Add numbers [k], whose places in the array are ``index``."""
        self._pending.append((index, values))

    def fetch(self) -> None:
        """Copy what was added to the host, in one piece."""
        if not self._pending:
            return
        numbers, start = torch.cat([values for _, values in self._pending]).cpu().numpy(), 0
        for index, values in self._pending:
            self.values[index] = numbers[start : start + len(values)]
            self.is_fetched[index] = True
            start += len(values)
        self._pending.clear()
