"""An imported circuit is measured on the model and the task of the form, and its signs are settled there."""

from __future__ import annotations

from PySide6.QtCore import QObject

from circuitviz.document.imported_circuits import attach_task, set_sign
from circuitviz.errors import InputError
from circuitviz.graph.scores import IMPORTED_METHOD
from circuitviz.workbench.requests.attach_model import AttachModel, ModelAttached
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workspace.workspace import Workspace

ATTACH_HINT = "Discovery ▸ Measure on this model and task finds out what the signs of its scores mean"


class ImportedCircuitController(QObject):
    """Asks for it, and does what is found as steps that can be undone: the place first, then the signs."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self.workspace = workspace
        workspace.reply_received.connect(self._handle_reply)
        workspace.document_shown.connect(self._show_hint)

    def attach_to_search(self, request: DiscoverCircuit) -> None:
        """Open a search's model and task for the open circuit."""
        document = self.workspace.document
        where = document.state.provenance
        saved = document.path.name if document.path else ""
        file = str(document.extra.get("imported", {}).get("file", saved))
        if where is not None and where.method != IMPORTED_METHOD:
            raise InputError(
                f"This circuit was found on {where.model} and {where.task}, and is measured there already."
            )
        self.workspace.submit_request(AttachModel(request, document.state, file))

    def _handle_reply(self, reply: Reply) -> None:
        if not isinstance(reply, ModelAttached) or self.workspace.document.state is not reply.state_before:
            return  # the document has moved on
        self.workspace.apply_command(attach_task(reply.state, reply.provenance))
        if reply.sign in ("keep", "flip"):
            self.workspace.apply_command(set_sign(reply.sign, reply.note))
        if reply.note:
            self.workspace.post_message(reply.note)

    def _show_hint(self) -> None:
        state = self.workspace.document.state
        if state.circuit is not None and state.provenance is None and state.sign_meaning == "file":
            self.workspace.post_message(ATTACH_HINT)
