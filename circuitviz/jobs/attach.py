"""A circuit of another tool's file comes to a model and a task, on which its signs are found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.find import Find, SomeUnusable
from circuitviz.jobs.messages import Reply, Request, moving
from circuitviz.session import Provenance, State

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Attached(Reply):
    """The state with the model's receivers, and where it is measured now.

    before: the state that was given. sign: ``keep``, ``flip`` or ``undecided``, with a note on why; empty
    where the sign was known before.
    """

    before: State
    state: State
    provenance: Provenance
    sign: str = ""
    note: str = ""


@dataclass(frozen=True)
class Attach(Request):
    """Open a search's model and task for an imported circuit; of the search only these are used."""

    title = "The circuit was not measured"
    rank = 0
    fresh = True

    find: Find
    state: State
    file: str

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Attached; InputError where the circuit is not of the model's shape."""
        asked = self.find
        if self.state.circuit is None:
            raise InputError("There is no circuit to measure; open one first.")
        yield from engine.load(asked.model, asked.device)
        from circuitviz.evaluation.score_sign import decide_sign_steps
        from circuitviz.session.imported import fit_state, imported_provenance
        from circuitviz.tasks import UnusableRowsError

        state = fit_state(self.state, engine.model.shape, asked.model)
        try:
            task = asked.task_on(engine)
        except UnusableRowsError as error:
            if not error.usable:
                raise
            again = replace(self, find=asked.skipping())
            yield SomeUnusable(self, again, error.name, error.count, error.first)
            return
        engine.set_task(task, asked.metric or None, asked.ablation)
        where = engine.where
        name = task.name if asked.pair else asked.task
        origin = imported_provenance(
            engine.model, task, where.metric, where.ablation, self.file, "auto", name
        )
        engine.opened_for = origin.opening
        yield engine.ready()
        sign = note = ""
        if state.scores is not None and not state.scores.sign_known:
            steps = decide_sign_steps(engine.whole, state.scores)
            found = yield from moving("Finding out what the signs of the scores mean", steps)
            sign, note = found.sign, found.note
        yield Attached(self.state, state, origin, sign, note)
