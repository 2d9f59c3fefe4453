"""Faithfulness of what is on the screen: a few prompts first, then all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Circuit, Interventions
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.progress import Driven

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Measured(Reply):
    """Numbers of a circuit under its state's key; ``tier`` is ``small`` or ``exact``.

    left: of features, how much of its effect each node has under the ablation: what estimates start from.
    """

    key: str
    tier: str
    numbers: dict[str, Any]
    left: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure(Request):
    """Measure a circuit. The latest wins."""

    title = "Faithfulness was not measured"
    rank = 10

    circuit: Circuit
    key: str
    changed: Interventions = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # of the method that found it
    opening: tuple[object, ...] = ()  # Provenance.opening

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """The quick exact value, then the exact value over the whole task; nothing of another task."""
        if not engine.serves(self.opening, self.circuit.graph):
            return
        engine.need()
        from circuitviz.jobs.engine import SMALL

        for tier in ("small", "exact"):
            if tier == "small" and len(engine.task) <= SMALL:
                continue
            bench = engine.bench(tier == "small", bool(self.changed), self.circuit.graph, self.options)
            steps = Driven(bench.evaluate(self.circuit, self.changed))
            for step in steps:
                yield Moved("Measuring faithfulness", step.share, step.message)
            yield Measured(self.key, tier, steps.result.as_dict())
