"""What a dashboard's example asks: why the feature fires there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.jobs.features import Dashboard

NODES = 60  # of a first circuit: few enough to be read


def asked(found: Dashboard | None, example: int, model: str, folders: tuple[str, ...]) -> Question | None:
    """The question of an example by its place in the list; None where there is no such example."""
    if found is None or found.statistics is None or not 0 <= example < len(found.prompts):
        return None
    text, tokens = found.prompts[example]
    target = f"{found.site}.f{found.number}@{found.statistics.examples[example].position}"
    return Question(model, text, target, nodes=NODES, dictionaries=folders, tokens=tokens)
