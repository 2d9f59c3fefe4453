"""One engine for each tab; those of the same model, device and precision share it in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable

from circuitviz.workbench.engine import Engine


class EnginePool:
    """Engines by the number of their tab. Used on the worker's thread only.

    Args:
        first: The engine of the first tab.
        is_busy: Whether a tab has work that is not done, by its number.
        collect_garbage: Called where a released model is to go from memory (``SharedParts``).
    """

    def __init__(
        self,
        first: Engine | None,
        is_busy: Callable[[int | None], bool],
        collect_garbage: Callable[[], object] = gc.collect,
    ) -> None:
        self._engines = {0: first or Engine()}
        self._engines[0].tab = 0
        self._shared = self._engines[0].shared
        self._shared.is_busy = lambda engine: is_busy(engine.tab)
        self._shared.collect_garbage = collect_garbage
        self._n_uses = 0
        self._without_model = Engine(self._shared)  # of requests that are of no document

    def engine(self, tab: int | None) -> Engine:
        """The engine of a tab, made when it is first asked for; None: that of what is of no tab."""
        if tab is None:
            return self._without_model
        if tab not in self._engines:
            self._engines[tab] = Engine(self._shared, tab)
        self._n_uses += 1
        self._engines[tab].last_use = self._n_uses
        return self._engines[tab]

    def is_open(self, tab: int | None) -> bool:
        """Whether a tab has a model and a task."""
        return tab is not None and tab in self._engines and self._engines[tab].is_open

    def close(self, tab: int) -> None:
        """Let go of what a tab has open; its model stays in memory where another tab has it, too."""
        engine = self._engines.pop(tab, None)
        if engine is not None:
            engine.close()

    def close_all(self) -> None:
        """The thread ends: what is open goes with the process."""
