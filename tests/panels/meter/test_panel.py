"""The Faithfulness panel: how it writes numbers, and what it says of measurements under way."""

from __future__ import annotations

import pytest
from panel_host import LONG, PanelHost
from pytestqt.qtbot import QtBot

from circuitviz.panels.meter.panel import _format_change, _format_value


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


def test_after_an_ablation_the_value_before_and_the_difference_are_shown(
    demo_host: PanelHost, qtbot: QtBot
) -> None:
    meter, workspace = demo_host.show("meter"), demo_host.workspace
    before = demo_host.evaluation["faithfulness"]["value"]
    assert not meter.before_label.isVisible() and not meter.change_label.isVisible()
    for node in ("m0", "a2.h6"):  # the second compares with the whole circuit, too
        workspace.set_selection(frozenset({node}), frozenset())
        demo_host.run_command("ablate")
        demo_host.wait_until_measured()
        now = demo_host.evaluation["faithfulness"]["value"]
        assert workspace.document.evaluation_before["faithfulness"]["value"] == before
        assert meter.before_label.text() == f"{before:.3f} →"
        shown = float(meter.change_label.text().replace("−", "-"))
        assert shown == pytest.approx(round(now, 3) - round(before, 3), abs=1e-9)
        assert shown < 0 and meter.change_label.isVisible()
        assert meter.faithfulness_bar.before == before
    workspace.undo_stack.undo()
    workspace.undo_stack.undo()
    assert not meter.before_label.isVisible() and meter.value_label.text() == f"{before:.3f}"
    assert meter.faithfulness_bar.before is None


@pytest.mark.parametrize(
    ("before", "value", "text"),
    [(0.896, 0.527, "−0.369"), (0.5, 0.75, "+0.250"), (0.8961, 0.8964, "±0.000"), (0.1004, 0.1006, "+0.001")],
)
def test_the_difference_is_that_of_the_numbers_as_shown(before: float, value: float, text: str) -> None:
    assert _format_change(before, value) == text
