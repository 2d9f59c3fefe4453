"""Questions about features, asked of the worker and answered into the document, one step of undo each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.jobs import Adopt, AdoptQuestion, Answered, AskQuestion, MoveThreshold, Request
from circuitviz.session import Provenance, State, move_threshold, replace_circuit
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


class Asking(QObject):
    """Keeps level what the worker has open with what the document is of, also after undo."""

    answered = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self._open: tuple[object, ...] = ()
        self._moved: tuple[State, State] | None = None  # before the first and after the last move in a row

    @property
    def question(self) -> Question | None:
        """What the open document answers; None where it is no circuit of features of one prompt."""
        return Question.of(self.desk.document.state.provenance)

    def ask(self, question: Question) -> None:
        """Ask; the circuit comes into the document as one step."""
        self.desk.ask(AskQuestion(question, self.desk.device))

    def move(self, tau: float) -> None:
        """Another threshold for the open circuit; moves in a row are one step of undo."""
        if (question := self.question) is not None and not question.is_graph:
            self.desk.ask(MoveThreshold(question, tau, self.desk.device))

    def came(self, where: Provenance | None) -> None:
        """The worker has opened what such a circuit needs."""
        self._open = needs(where)

    def adopt(self, state: State) -> None:
        """Let the worker open what a state needs, unless it is open."""
        where, circuit = state.provenance, state.circuit
        if where is None or circuit is None or needs(where) == self._open:
            return
        self.came(where)
        self.desk.ask(adoption(state, self.desk.device))

    def take(self, reply: Answered) -> None:
        """Put an answer into the document."""
        desk, question = self.desk, Question.of(reply.provenance)
        assert question is not None
        if reply.moved:
            now = self.question
            if now is None or (now.opening, now.aim) != (question.opening, question.aim):
                return  # the document has moved on: a threshold of another circuit is no news
            before = state = desk.document.state
            if self._moved is not None and self._moved[1] is state:
                before = self._moved[0]
            desk.do(move_threshold(reply.circuit, reply.scores, reply.provenance, before))
            self._moved = (before, desk.document.state)
        else:
            self.came(reply.provenance)
            desk.preview = None
            desk.live.begin()
            desk.document.curve = []
            what = question.target or "the likely logits"
            desk.do(replace_circuit(reply.circuit, reply.scores, reply.provenance, f"Trace {what}"))
            desk.curve_changed.emit()
            nodes, edges = len(reply.circuit.node_names), reply.circuit.n_edges
            desk.say(f"{nodes:,} nodes and {edges:,} edges explain {what}")
        self.answered.emit()


def needs(where: Provenance | None) -> tuple[object, ...]:
    """What the worker has to have open for a circuit."""
    if where is None:
        return ()
    question = Question.of(where)
    if question is not None:
        return ("question", *question.opening)
    return where.model, where.task, where.task_hash, where.metric, where.ablation


def adoption(state: State, device: str) -> Request:
    """The request that opens what a document needs."""
    assert state.provenance is not None and state.circuit is not None
    adopt = Adopt if Question.of(state.provenance) is None else AdoptQuestion
    return adopt(state.provenance, state.circuit, device)
