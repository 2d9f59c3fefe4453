"""The Faithfulness panel: how it writes numbers, and what it says of measurements under way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from panel_host import IOI_SEARCH, LONG, PanelHost
from pytestqt.qtbot import QtBot

from circuitviz.evaluation import training_course
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


def test_a_curve_grows_while_a_ranking_is_trained(
    demo_host: PanelHost, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_course, "INTERVAL_S", 0.0)
    monkeypatch.setattr(training_course, "MEASURED_SHARE", 1e6)
    meter, workspace = demo_host.show("meter"), demo_host.workspace
    assert meter.course_chart.isHidden() and meter.course_label.isHidden()
    shown: list[tuple[int, str]] = []

    def note_points() -> None:
        if workspace.partial_result is not None and meter.course_chart.isVisible():
            shown.append((len(meter.course_chart.table_rows) - 1, meter.value_label.text()))

    workspace.state_changed.connect(note_points)
    options = {"training_steps": 40, "start": "zero"}
    workspace.start_discovery(replace(IOI_SEARCH, method="learned-ranking", options=options, n_prompts=8))
    qtbot.waitUntil(lambda: demo_host.is_measured() and not workspace.search_queue.searches, timeout=LONG)
    counts = [count for count, _ in shown]
    assert counts == sorted(counts) and len(set(counts)) > 1
    assert "–" not in {text for _, text in shown}
    assert len(meter.course_chart.table_rows) - 1 >= counts[-1]  # it stays with the circuit
    assert meter.course_label.text().startswith("while training, with 95 % intervals: ")
    last = meter.course_chart.table_rows[-1]
    assert last[0] == 40 and last[3] == pytest.approx(demo_host.evaluation["faithfulness"]["value"], abs=1e-5)
