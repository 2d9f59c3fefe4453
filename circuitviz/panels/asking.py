"""Questions about features, asked of the worker and answered into the document, one step of undo each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.graph import Kind
from circuitviz.jobs import Adopt, AdoptQuestion, Answered, AskQuestion, MoveThreshold, Needed, Ready, Request
from circuitviz.jobs.adopt import FROM_DISK, UNASKED
from circuitviz.session import Command, Provenance, State, move_threshold, replace_circuit
from circuitviz.session.question import HIERARCHICAL, OTHER, SAME_MODEL, SAME_SUBJECT, Question

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

TRACEABLE = (Kind.FEATURE, Kind.NEURON, Kind.HEAD, Kind.SKIP)  # something flows into each of these


class Asking(QObject):
    """Keeps level what the worker has open with what the document is of, also after undo."""

    arriving = Signal()  # a circuit of another question is about to be shown
    answered = Signal()
    needed_changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        desk.ready.connect(self.ready)
        self.needed: Needed | None = None  # a model that is opened only when a person says so
        self._met: set[str] = set()  # models that were opened in this session
        self._open: tuple[object, ...] = ()
        self._searching = False
        self._device = ""  # where a model was opened last
        self._moved: tuple[State, State] | None = None  # before the first and after the last move in a row

    def ready(self, ready: Ready) -> None:
        """A model is open."""
        self._device = ready.device.partition(":")[0]
        self._met.add(ready.model)
        self.need(None)

    @property
    def question(self) -> Question | None:
        """What the open document answers; None where it is no circuit of features of one prompt."""
        return Question.of(self.desk.document.state.provenance)

    @property
    def traceable(self) -> str | None:
        """The selected node, where it is one that a circuit of its own can be asked of."""
        circuit = self.desk.document.state.circuit
        if self.question is None or circuit is None or len(self.desk.nodes) != 1:
            return None
        name = next(iter(self.desk.nodes))
        if name not in circuit.graph.node_index:
            return None
        node = circuit.graph.node(name)
        of_logit = node.kind is Kind.LOGITS and node.token is not None
        return name if of_logit or node.kind in TRACEABLE else None

    def trace_selected(self) -> None:
        """The circuit of the selected node, on the same prompt and with the same dictionaries."""
        if (name := self.traceable) is not None and (question := self.question) is not None:
            method = HIERARCHICAL if question.is_graph else question.method
            asked = replace(question, target=name, method=method, correct=(), incorrect=())
            nodes = question.nodes or 60
            self.ask(replace(asked, tau=None, nodes=nodes))

    def ask(self, question: Question) -> bool:
        """Ask; False where a person rather keeps unsaved work in sight.

        The circuit comes as one step: into the open document where that answers the same question, with
        more nodes or in another basis, and else into one of its own.
        """
        where = self.desk.own.state.provenance
        now = Question.of(where)
        kin = SAME_MODEL if where is not None and where.model == question.model else OTHER
        if now is not None and (now.model, now.prompt, now.tokens, now.bos) == (
            question.model, question.prompt, question.tokens, question.bos
        ):  # fmt: skip
            kin = SAME_SUBJECT
        if not self.desk.searches.begin(kin):
            return False
        self.begin()
        self.desk.ask(AskQuestion(question, self.desk.device))
        return True

    def move(self, tau: float) -> None:
        """Another threshold for the open circuit; moves in a row are one step of undo."""
        if (question := self.question) is not None and not question.is_graph:
            self.desk.ask(MoveThreshold(question, tau, self.desk.device))

    def begin(self, searching: bool = True) -> None:
        """A search is asked for: nobody knows yet what it opens, or whether it finds anything."""
        self._open, self._searching = (), searching

    def over(self) -> None:
        """The worker is idle. What a search opened for nothing makes way for what the document needs.

        That opens where it was open: the search may have asked for a device that this machine has not.
        """
        if self._searching and self._device:
            self.desk.device = self._device
        self._searching = False
        self.adopt(self.desk.document.state)

    def came(self, where: Provenance | None) -> None:
        """The worker has opened what such a circuit needs."""
        self._open, self._searching = needs(where), False
        if self.needed is not None:
            self.need(None)

    def adopt(self, state: State) -> None:
        """Let the worker open what a state needs, unless it is open, or a search is under way."""
        where, circuit = state.provenance, state.circuit
        if where is None or circuit is None or self._searching or needs(where) == self._open:
            return
        self.came(where)
        self.desk.opened = None  # until it is there
        consent = FROM_DISK if where.model in self._met else UNASKED
        self.desk.ask(adoption(state, self.desk.device, consent))

    def need(self, needed: Needed | None) -> None:
        """The document's model waits for a person; None: nothing does."""
        if needed is not None and needed.opening != self.desk.own.state.opening:
            return
        self.needed = needed
        self.needed_changed.emit()

    def open_needed(self, consent: str) -> None:
        """Open the model that waits, as a person said."""
        state = self.desk.own.state
        self.need(None)
        self.came(state.provenance)
        self.desk.ask(adoption(state, self.desk.device, consent))

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
            what = question.target or "the likely logits"
            step = replace_circuit(reply.circuit, reply.scores, reply.provenance, f"Trace {what}")
            if not self._answer(question, step, reply.provenance):
                return
            nodes, edges = len(reply.circuit.node_names), reply.circuit.n_edges
            desk.say(f"{nodes:,} nodes and {edges:,} edges explain {what}")
        self.answered.emit()

    def _answer(self, question: Question, step: Command, where: Provenance) -> bool:
        """Put an answer where it belongs; False where it is only offered."""
        searches, now = self.desk.searches, self.question
        searches.over()
        self.arriving.emit()
        if now is None or now.asked != question.asked:
            return searches.put(step, where)
        self.came(where)
        self.desk.live.begin()
        self.desk.do(step)
        return True


def needs(where: Provenance | None) -> tuple[object, ...]:
    """What the worker has to have open for a circuit."""
    if where is None:
        return ()
    question = Question.of(where)
    if question is not None:
        return ("question", *question.opening)
    return where.opening


def adoption(state: State, device: str, consent: str = UNASKED) -> Request:
    """The request that opens what a document needs."""
    assert state.provenance is not None and state.circuit is not None
    adopt = Adopt if Question.of(state.provenance) is None else AdoptQuestion
    return adopt(state.provenance, state.circuit, device, consent)
