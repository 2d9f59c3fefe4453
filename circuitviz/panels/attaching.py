"""An imported circuit is measured on the model and the task of the form, and its signs are settled there."""

from __future__ import annotations

from PySide6.QtCore import QObject

from circuitviz.errors import InputError
from circuitviz.graph.scores import IMPORTED
from circuitviz.jobs import Find, Reply
from circuitviz.jobs.attach import Attach, Attached
from circuitviz.panels.desk import Desk
from circuitviz.session.imported import measure_imported, settle_sign

HOW = "Discovery ▸ Measure on this model and task finds out what the signs of its scores mean"


class Attaching(QObject):
    """Asks for it, and does what is found as steps that can be undone: the place first, then the signs."""

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self.desk = desk
        desk.arrived.connect(self._arrived)
        desk.document_shown.connect(self._hint)

    def ask(self, request: Find) -> None:
        """Open a search's model and task for the open circuit."""
        document = self.desk.document
        where = document.state.provenance
        saved = document.path.name if document.path else ""
        file = str(document.extra.get("imported", {}).get("file", saved))
        if where is not None and where.method != IMPORTED:
            raise InputError(
                f"This circuit was found on {where.model} and {where.task}, and is measured there already."
            )
        self.desk.ask(Attach(request, document.state, file))

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Attached) or self.desk.document.state is not reply.before:
            return  # the document has moved on
        self.desk.do(measure_imported(reply.state, reply.provenance))
        if reply.sign in ("keep", "flip"):
            self.desk.do(settle_sign(reply.sign, reply.note))
        if reply.note:
            self.desk.say(reply.note)

    def _hint(self) -> None:
        state = self.desk.document.state
        if state.circuit is not None and state.provenance is None and state.sign == "file":
            self.desk.say(HOW)
