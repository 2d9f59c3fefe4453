"""What Escape closes in the window: what is on top, where what has the focus makes no use of the key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class EscapeLayer:
    """Something that Escape closes.

    Attributes:
        is_open: Whether it is there.
        close: Closes it.
    """

    is_open: Callable[[], bool]
    close: Callable[[], object]


def close_topmost(layers: Iterable[EscapeLayer]) -> bool:
    """Close the first layer that is open; returns whether there was one."""
    for layer in layers:
        if layer.is_open():
            layer.close()
            return True
    return False
