"""What a full pass hands to each block beside the residual stream, so that a pass can begin at any block."""

from __future__ import annotations

from typing import Any

from torch import Tensor

BlockCall = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments and named arguments of a block, without the residual stream."""

BlockCalls = list[BlockCall]
"""Those of every block, for one prompt."""


def call_for_batch(call: BlockCall, n_prompts: int, has_sized_masks: bool) -> BlockCall:
    """The recorded arguments of a block for a batch; masks broadcast, unless the model compares sizes."""

    def for_batch(name: str, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if value.dim() == 4 and (has_sized_masks or name == "alibi"):  # Falcon's: [prompts, heads, 1, time]
            return value.expand(n_prompts, *value.shape[1:])
        if name == "alibi":  # BLOOM's: [prompts · heads, 1, time]
            return value.repeat(n_prompts, 1, 1)
        return value

    args, kwargs = call
    return tuple(for_batch("", value) for value in args), {k: for_batch(k, v) for k, v in kwargs.items()}
