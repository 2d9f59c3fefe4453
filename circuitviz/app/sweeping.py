"""Python sweeps for lost objects in whichever thread is at it, and that is often the window's."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


def spare_modules(desk: Desk) -> None:
    """Keep what modules hold, for good, out of every later sweep, which took 160 ms for torch's alone.

    They are loaded twice: with the methods that are offered, and with the first model, when no earlier
    model can be lost among what is spared.
    """
    seen: set[str] = set()

    def spare(name: str) -> None:
        if name not in seen:
            seen.add(name)
            gc.freeze()

    desk.choices_arrived.connect(lambda _reply: spare("methods"))
    desk.ready.connect(lambda _reply: spare("model"))
