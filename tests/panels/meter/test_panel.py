"""The Faithfulness panel: how it writes numbers, and what it says of measurements under way."""

from __future__ import annotations

from panel_host import LONG, PanelHost
from pytestqt.qtbot import QtBot

from circuitviz.panels.meter.panel import _format_value


def test_what_rounds_to_zero_has_no_sign_and_the_rest_a_minus() -> None:
    assert [_format_value(v) for v in (-0.0001, 0.0, -0.0006, -1.5, 0.8964)] == [
        "0.000",
        "0.000",
        "−0.001",
        "−1.500",
        "0.896",
    ]


def test_a_measurement_that_was_cancelled_is_not_said_to_go_on(demo_host: PanelHost, qtbot: QtBot) -> None:
    meter = demo_host.show("meter")
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.run_command("ablate")
    assert "measuring…" in meter.interval_label.text()
    qtbot.waitUntil(lambda: not demo_host.workspace.live_faithfulness.is_measurement_pending, timeout=LONG)
    with qtbot.waitSignal(demo_host.workspace.worker_idle, timeout=LONG):
        demo_host.workspace.cancel_jobs()
    known = demo_host.workspace.document.evaluation is not None  # it may have been quicker
    assert known or meter.interval_label.text().endswith("measuring was cancelled")
    assert "…" not in meter.interval_label.text()
