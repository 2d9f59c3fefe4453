"""A circuit of another tool's file comes to a model and a task, on which its signs are found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from circuitviz import evaluation, tasks
from circuitviz.document import Origin, State
from circuitviz.document.imported_circuits import fit_state
from circuitviz.errors import InputError
from circuitviz.workbench.record_origin import record_imported_origin
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, UnusableRowsFound
from circuitviz.workbench.requests.messages import Reply, Request, report_progress
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ModelAttached(Reply):
    """The state with the model's receivers, and where it is measured now.

    state_before: the state that was given. sign: ``keep``, ``flip`` or ``undecided``, with a note on why;
    empty where the sign was known before.
    """

    state_before: State
    state: State
    origin: Origin
    sign: str = ""
    note: str = ""


@dataclass(frozen=True)
class AttachModel(Request):
    """Open a search's model and task for an imported circuit; of the search only these are used."""

    title = "Could not measure the circuit"
    priority = Priority.OPEN_MODEL
    invalidates_queue = True

    search: DiscoverCircuit
    imported_state: State
    file_name: str

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Attached; InputError where the circuit is not of the model's shape."""
        asked = self.search
        if self.imported_state.circuit is None:
            raise InputError("No circuit is open; open the circuit that is to be measured first.")
        yield from engine.open_model(asked.model, asked.device, asked.dtype)
        state = fit_state(self.imported_state, engine.model.shape, asked.model)
        try:
            task = asked.load_task(engine.model)
        except tasks.UnusableRowsError as error:
            if not error.usable:
                raise
            again = replace(self, search=asked.without_unusable_rows())
            yield UnusableRowsFound(self, again, error.name, error.summary, error.first_error)
            return
        engine.set_task(task, asked.metric or None, asked.ablation)
        where = engine.setting
        origin = record_imported_origin(
            engine.model, task, where.metric, where.ablation, self.file_name, "auto", asked.task
        )
        engine.require_experiment().origin = origin
        yield engine.model_ready()
        sign = note = ""
        if state.scores is not None and not state.scores.sign_known:
            steps = evaluation.decide_sign_steps(engine.require_experiment().bench(), state.scores)
            found = yield from report_progress("Determining the sign convention of the scores", steps)
            sign, note = found.sign, found.summary
        yield ModelAttached(self.imported_state, state, origin, sign, note)
