"""Which model is open on the worker, and where the next one is to run."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.workbench.requests.messages import ModelReady


class ModelStatus(QObject):
    """The window's knowledge of the worker's model.

    Attributes:
        opened: What is open for the document on the screen; None until it is.
        device: Where models are opened from now on: ``cpu`` or ``cuda``.
        dtype: The precision that their weights are kept in from the next search on; a document's model has
            that of the document.
    """

    ready = Signal(object)  # ModelReady

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.opened: ModelReady | None = None
        self.device, self.dtype = "cpu", AUTO_DTYPE

    def set_ready(self, opened: ModelReady) -> None:
        """The worker has opened a model and a task."""
        self.opened = opened
        self.ready.emit(opened)

    def close(self) -> None:
        """What is open, if anything, is not the document's."""
        self.opened = None
