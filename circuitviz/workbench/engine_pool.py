"""One engine for each tab; those of the same model, device and precision share it in memory."""

from __future__ import annotations

from circuitviz.workbench.engine import Engine


class EnginePool:
    """Engines by the number of their tab. Used on the worker's thread only.

    Args:
        first: The engine of the first tab.
    """

    def __init__(self, first: Engine | None = None) -> None:
        self._engines = {0: first or Engine()}
        self._shared = self._engines[0].shared
        self._without_model = Engine(self._shared)  # of requests that are of no document

    def engine(self, tab: int | None) -> Engine:
        """The engine of a tab, made when it is first asked for; None: that of what is of no tab."""
        if tab is None:
            return self._without_model
        if tab not in self._engines:
            self._engines[tab] = Engine(self._shared)
        return self._engines[tab]

    def is_open(self, tab: int | None) -> bool:
        """Whether a tab has a model and a task."""
        return tab is not None and tab in self._engines and self._engines[tab].is_open

    def close(self, tab: int) -> None:
        """Let go of what a tab has open; its model stays in memory where another tab has it, too."""
        engine = self._engines.pop(tab, None)
        if engine is not None:
            engine.close()
