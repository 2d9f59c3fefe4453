"""An imported circuit is measured on the model and the task of the form, and its signs are settled there."""

from __future__ import annotations

from PySide6.QtCore import QObject

from circuitviz.document.imported_circuits import attach_task, set_sign
from circuitviz.errors import InputError
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.requests.attach_model import AttachModel, ModelAttached
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workspace.workspace import Workspace

ATTACH_HINT = "Discovery ▸ Measure on this model and task determines the sign convention of its scores"


class ImportedCircuitController(QObject):
    """Opens the model of an imported circuit; the origin and the signs are two steps of undo."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        workspace.document_shown.connect(self._show_hint)

    def attach_to_search(self, request: DiscoverCircuit) -> JobHandle:
        """Open a search's model and task for the open circuit.

        Raises:
            InputError: Where the circuit was not imported.
        """
        document = self._workspace.document
        origin = document.state.origin
        saved_name = document.path.name if document.path else ""
        file_name = str(document.extra.get("imported", {}).get("file", saved_name))
        if origin is not None and not origin.is_imported:
            raise InputError(
                f"This circuit was found on {origin.model} and {origin.task} and is already measured there."
            )
        handle = self._workspace.submit_request(AttachModel(request, document.state, file_name))
        handle.finished.connect(self._on_attached)
        return handle

    def _on_attached(self, reply: object) -> None:
        if not isinstance(reply, ModelAttached):
            return
        if self._workspace.document.state is not reply.state_before:
            return  # the document has moved on
        self._workspace.apply_command(attach_task(reply.state, reply.origin))
        if reply.sign in ("keep", "flip"):
            self._workspace.apply_command(set_sign(reply.sign, reply.note))
        if reply.note:
            self._workspace.post_message(reply.note)

    def _show_hint(self) -> None:
        state = self._workspace.document.state
        if state.circuit is not None and state.origin is None and state.sign_meaning == "file":
            self._workspace.post_message(ATTACH_HINT)
