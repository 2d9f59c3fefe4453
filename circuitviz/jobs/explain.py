"""What an ablation changed: the prompts it moved, and the heads that stepped in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Circuit, Interventions
from circuitviz.jobs.messages import Reply, Request, moving

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Explained(Reply):
    """``evaluation.WhatChanged`` as a dict, under the key of the state that it speaks of."""

    key: str
    found: dict[str, Any]


@dataclass(frozen=True)
class Explain(Request):
    """Compare a circuit as it was found with what was made of it."""

    title = "What changed was not found out"
    rank = 40

    key: str
    before: Circuit
    after: Circuit
    changed: Interventions
    options: Mapping[str, Any] = field(default_factory=dict)  # of the method that found it
    opening: tuple[object, ...] = ()  # Provenance.opening

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One comparison, over the whole task; nothing where another is open."""
        if not engine.serves(self.opening, self.before.graph):
            return
        engine.need()
        from circuitviz.evaluation import Situation, changes_steps

        bench = engine.bench(False, bool(self.changed), self.before.graph, self.options)
        steps = changes_steps(bench, Situation(self.before), Situation(self.after, self.changed))
        found = yield from moving("Finding out what changed", steps)
        yield Explained(self.key, found.as_dict())
