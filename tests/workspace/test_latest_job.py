"""Only the latest of several jobs is listened to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.jobs import JobHandle
from circuitviz.workbench.requests.load_catalog import Catalog, LoadCatalog
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, Request
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace


@pytest.fixture
def workspace(qapp: object, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace whose jobs are ended by the test."""
    workspace = Workspace()

    def submit(request: Request) -> JobHandle:
        return JobHandle(request, lambda: None)

    monkeypatch.setattr(workspace, "submit_request", submit)
    yield workspace
    workspace.stop()


def test_signals_of_the_latest_job_alone_are_passed_on(workspace: Workspace) -> None:
    job = LatestJob(workspace, workspace)
    heard: list[object] = []
    for signal in (job.progressed, job.received, job.failed, job.running_changed):
        signal.connect(heard.append)
    job.cancelled.connect(lambda: heard.append("cancelled"))
    progress, failure = ProgressReported("Reading", 0.5, "half"), JobFailed("Could not read", "no")
    assert not job.is_running

    job.submit(LoadCatalog())
    first = job._handle
    assert first is not None and job.is_running and heard == [True]
    job.submit(LoadCatalog())
    heard.clear()
    for reply in (progress, Catalog(), failure):
        first.deliver(reply)
    assert not heard and job.is_running

    second = job._handle
    assert second is not None
    second.deliver(progress)
    second.deliver(Catalog())
    assert heard == [progress, Catalog(), False] and not job.is_running

    heard.clear()
    job.submit(LoadCatalog())
    assert job._handle is not None
    job._handle.fail(failure)
    job.submit(LoadCatalog())
    job._handle.end_cancelled()
    assert heard == [True, failure, False, True, "cancelled", False]

    heard.clear()
    job.submit(LoadCatalog())
    third = job._handle
    job.release()
    assert third is not None and not job.is_running
    third.deliver(Catalog())
    assert heard == [True, False]


@pytest.mark.parametrize("follows_tab", [True, False])
def test_a_job_of_no_tab_is_listened_to_whichever_is_in_front(
    workspace: Workspace, follows_tab: bool
) -> None:
    job = LatestJob(workspace, workspace, follows_tab=follows_tab)
    heard: list[object] = []
    job.received.connect(heard.append)
    job.submit(LoadCatalog())
    handle = job._handle
    assert handle is not None
    workspace.tab_controller.show(workspace.tabs.add(workspace.worker.open_tab()))
    handle.deliver(Catalog())
    assert heard == ([] if follows_tab else [Catalog()])
