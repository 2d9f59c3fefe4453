"""What the window will want soon is loaded off its thread, so that the first use does not stall it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.cancellation import check_cancelled
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class Preload(Request):
    """Call each of these once; they import modules and walk registries, and create nothing of Qt's."""

    title = "Something could not be loaded ahead"
    priority = Priority.WITHOUT_MODEL  # a model that is asked for meanwhile does not make it void

    loaders: tuple[Callable[[], object], ...]

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """No reply: what was loaded is there."""
        for load in self.loaders:
            check_cancelled()
            load()
        yield from ()
