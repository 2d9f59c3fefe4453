"""What becomes of the latest of several jobs that one part of the window asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, SignalInstance

from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.requests.messages import JobFailed, Request

if TYPE_CHECKING:
    from circuitviz.workspace.tabs import DocumentTab
    from circuitviz.workspace.workspace import Workspace

SignalTarget = SignalInstance | Callable[..., None]


class LatestJob(QObject):
    """Submits requests and passes on the signals of the latest job of the tab in front, and of no other.

    Args:
        workspace: The workspace.
        parent: The part of the window that asks.
        follows_tab: False where requests are of no tab, as those of own prompts: whichever tab is in front,
            the latest job is listened to.

    Signals are those of ``JobHandle``, but for ``received``: what is there so far, and the result.
    """

    progressed = Signal(object)  # ProgressReported
    received = Signal(object)  # Reply
    failed = Signal(object)  # JobFailed, which the workspace shows
    cancelled = Signal()
    running_changed = Signal(bool)  # after any other

    def __init__(self, workspace: Workspace, parent: QObject, *, follows_tab: bool = True) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._handle: JobHandle | None = None
        self._is_told_running = False
        self._handles: dict[DocumentTab, JobHandle] = {}  # of the tabs that are not in front
        self._tab = workspace.tabs.front
        if follows_tab:
            workspace.tab_controller.front_changed.connect(self._on_front_changed)

    @property
    def is_running(self) -> bool:
        """Whether a job was submitted and has not ended."""
        return self._handle is not None and self._handle.is_active

    def submit(self, request: Request) -> None:
        """Submit a request."""
        self.follow(self._workspace.submit_request(request))

    def follow(self, handle: JobHandle) -> None:
        """Listen to a job that was submitted elsewhere, instead of the one before."""
        self.release()
        self._handle = handle
        for source, target in self._connections(handle):
            source.connect(target)
        self._tell_running(True)

    def cancel(self) -> None:
        """Ask the job to end at its next step; what it has so far is told as ever."""
        if self._handle is not None:
            self._handle.cancel()

    def release(self) -> None:
        """Listen to no job any more; it goes on."""
        handle, self._handle = self._handle, None
        if handle is not None:
            for source, target in self._connections(handle):
                source.disconnect(target)
        self._tell_running(False)

    def _on_front_changed(self) -> None:
        """Leave the job of the tab that is left to it, and listen to that of the tab in front again."""
        if self._handle is not None and self._handle.is_active:
            self._handles[self._tab] = self._handle
        self.release()
        self._tab = self._workspace.tabs.front
        handle = self._handles.pop(self._tab, None)
        if handle is not None and handle.is_active:
            self.follow(handle)

    def _connections(self, handle: JobHandle) -> tuple[tuple[SignalInstance, SignalTarget], ...]:
        return (
            (handle.progressed, self.progressed),
            (handle.partial, self.received),
            (handle.finished, self._on_finished),
            (handle.failed, self._on_failed),
            (handle.cancelled, self._on_cancelled),
        )

    def _on_finished(self, result: object) -> None:
        if result is not None:
            self.received.emit(result)
        self._tell_running(False)

    def _on_failed(self, failure: JobFailed) -> None:
        self.failed.emit(failure)
        self._tell_running(False)

    def _on_cancelled(self) -> None:
        self.cancelled.emit()
        self._tell_running(False)

    def _tell_running(self, is_running: bool) -> None:
        if is_running != self._is_told_running:
            self._is_told_running = is_running
            self.running_changed.emit(is_running)
