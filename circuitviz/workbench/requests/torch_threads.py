"""How many threads a computation may take: the window's wish, heard by whoever owns torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


def default_thread_count() -> int:
    """All cores but one, which is the window's."""
    return max(1, (os.cpu_count() or 2) - 1)


@dataclass(frozen=True)
class SetTorchThreads(Request):
    """Take so many threads from now on; 0: all cores but one."""

    title = "Could not change the number of threads"
    priority = Priority.WITHOUT_MODEL

    n_threads: int

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Nothing comes back."""
        import torch  # on the worker, not when the window is made

        torch.set_num_threads(self.n_threads or default_thread_count())
        yield from ()
