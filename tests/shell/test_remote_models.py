"""The window with its models on a worker: found, ablated and read as beside the window, also after the worker died."""

from __future__ import annotations

import os
import signal

import pytest
from opening import LONG, measured, open_example
from pytestqt.qtbot import QtBot
from window_fixtures import Open

from circuitviz.workbench.experiment import open as open_origin

pytest.importorskip("distributed")

from circuitviz.cluster import parse_place

pytestmark = pytest.mark.long


def test_a_circuit_is_found_ablated_and_found_again_after_the_worker_died(
    open_window: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from circuitviz.workspace.workspace import Workspace

    start = Workspace.start

    def start_elsewhere(workspace: Workspace) -> None:
        workspace.worker.use_remote_engines(parse_place("local:1"))
        start(workspace)

    monkeypatch.setattr(Workspace, "start", start_elsewhere)
    window = open_window()
    desk, failures = window.workspace, list[str]()
    desk.failure_reported.connect(lambda failure: failures.append(failure.message))
    open_example(window)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    assert window.status_line.device_label.text().endswith(" · local:1")

    before = desk.document.evaluation
    window.view.select({"a2.h6"})
    window.menus.actions["ablate"].trigger()
    assert desk.document.state.ablated_nodes == {"a2.h6"}
    qtbot.waitUntil(lambda: measured(window) and desk.document.evaluation != before, timeout=LONG)
    here = open_origin(desk.document.state.origin)
    meant = here.evaluate(desk.document.state.live_circuit).faithfulness.value
    assert desk.document.evaluation is not None
    assert desk.document.evaluation["faithfulness"]["value"] == pytest.approx(meant, abs=1e-6)

    engines = desk.worker._engines
    (pid,) = engines._connection.client.run(os.getpid).values()
    os.kill(pid, signal.SIGKILL)
    other = next(name for name in desk.document.state.circuit.node_names if name.startswith("a1.h"))
    window.view.select({other})
    window.menus.actions["ablate"].trigger()
    ablated = desk.document.state
    qtbot.waitUntil(lambda: desk.opened_model is None or bool(failures), timeout=LONG)
    assert desk.document.state == ablated  # nothing of the document is lost
    for dialog in filter(None, [window.dialogs.failure_dialog]):
        dialog.close()
    open_example(window)
    qtbot.waitUntil(lambda: desk.opened_model is not None and measured(window), timeout=LONG)
