"""Where the parts of a model are and compute; ``dispatch`` spreads one over several devices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch

from circuitviz.models.memory_needs import HOST, device_name


@dataclass(frozen=True)
class DevicePlacement:
    """Where a model is.

    Attributes:
        main: Device of all that is outside the blocks, and of all that is computed of passes.
        stored: By layer, where the block's matrices are.
    """

    main: torch.device
    stored: tuple[torch.device, ...]

    @property
    def is_spread(self) -> bool:
        """Whether any block's matrices are elsewhere than on the main device."""
        return any(device != self.main for device in self.stored)

    def computes(self, layer: int) -> torch.device:
        """Where a layer is computed: where its matrices are, unless that is the host's memory."""
        device = self.stored[layer]
        return self.main if device == HOST else device

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """The devices that compute, the main one first."""
        others = dict.fromkeys(self.computes(layer) for layer in range(len(self.stored)))
        return (self.main, *(device for device in others if device != self.main))

    @property
    def text(self) -> str:
        """The devices, as records of computations name them.

        >>> first, second = torch.device("cuda", 0), torch.device("cuda", 1)
        >>> DevicePlacement(first, (first, first, second, HOST)).text
        'cuda:0 (2 layers), cuda:1 (1 layer), host memory (1 layer)'
        >>> DevicePlacement(HOST, (HOST, HOST)).text
        'cpu'
        """
        if not self.is_spread:
            return str(self.main)
        counts = Counter(self.stored)
        return ", ".join(
            f"{device_name(device)} ({n} layer{'s' if n > 1 else ''})" for device, n in counts.items()
        )
