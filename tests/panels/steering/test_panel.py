"""The Steering panel: texts come token by token, are recorded, undone and shown again; cancelled within a token."""

from __future__ import annotations

import csv
import os
from io import StringIO
from pathlib import Path
from typing import NoReturn

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.errors import ComputationError
from circuitviz.graph import SteeringResult
from circuitviz.scene.theme import DARK, LIGHT
from circuitviz.workbench.requests.steer_model import SteerModel

SHOTS = os.environ.get("CIRCUITVIZ_SCREENSHOTS", "")


def steer(host: PanelHost, qtbot: QtBot, nodes: str, strengths: str, tokens: int) -> SteeringResult:
    """Fill in the form with keys, press its button, and wait for the texts."""
    panel, before = host.panel("steering"), len(host.workspace.state.steering)
    for field, text in ((panel.form.nodes_field, nodes), (panel.form.strengths_field, strengths)):
        field.clear()
        qtbot.keyClicks(field, text)
    panel.form.max_tokens_field.setValue(tokens)
    qtbot.mouseClick(panel.form.steer_button, Qt.MouseButton.LeftButton)
    assert not panel.form.steer_button.isEnabled()
    qtbot.waitUntil(lambda: len(host.workspace.state.steering) > before, timeout=LONG)
    qtbot.waitUntil(panel.form.steer_button.isEnabled, timeout=LONG)
    return host.workspace.state.steering[-1]


def test_texts_are_streamed_recorded_undone_and_shown_again(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, workspace = demo_host.show("steering"), demo_host.workspace
    assert panel.form.prompt_field.text() == workspace.state.origin.pairs[0][0]
    lengths: list[int] = []
    panel._job.received.connect(lambda reply: lengths.append(len(reply.result.continuations[1].tokens)))
    first = steer(demo_host, qtbot, "m2.f12, a1.h2", "-3, 8", 5)
    assert (
        lengths == sorted(lengths) and lengths[0] < lengths[-1] == 5
    )  # some come together, on a slow machine
    assert [text.strength for text in first.continuations] == [None, -3.0, 8.0]
    shown = panel.texts_view.toPlainText()
    assert all(title in shown for title in ("plain", "strength −3", "strength 8"))
    assert all(f"{token.probability:.3f}" in shown for text in first.continuations for token in text.tokens)

    # a direction and a drawn text
    panel.form.temperature_field.setValue(0.8)
    panel.form.nodes_field.setText("resid2")
    qtbot.keyClicks(panel.form.toward_field, " Mary")
    qtbot.keyClicks(panel.form.away_field, " John")
    assert panel.form.seed_field.isVisible() and panel.form.toward_field.isVisible()
    second = steer(demo_host, qtbot, "resid2", "2", 3)
    assert second.query.directions == {"resid2": (" Mary", " John")} and second.query.temperature == 0.8
    if SHOTS:
        for theme, name in ((LIGHT, "light"), (DARK, "dark")):
            panel.set_theme(theme)
            panel.show_result(first)
            panel.grab().save(str(Path(SHOTS) / f"steering-{name}.png"))

    # the earlier one again, with its settings; its table; undo; and from the file
    panel.record_box.setCurrentIndex(1)
    panel.record_box.activated.emit(1)
    assert panel.shown_result == first and panel.form.build_query({
        "model": first.query.model, "dtype": first.query.dtype
    }) == first.query  # fmt: skip
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    rows = list(csv.reader(StringIO(QGuiApplication.clipboard().text()), delimiter="\t"))
    assert rows[0] == ["text", "position", "token", "probability", "plain probability"] and len(rows) == 16
    qtbot.mouseClick(panel.remove_button, Qt.MouseButton.LeftButton)
    assert workspace.state.steering == (second,) and panel.shown_result == second
    workspace.undo_stack.undo()
    assert workspace.state.steering == (first, second)
    demo_host.save(tmp_path / "steered.circuit")
    demo_host.reopen(tmp_path / "steered.circuit")
    assert workspace.state.steering == (first, second) and panel.shown_result == second


def test_writing_is_cancelled_within_a_token(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("steering")
    panel.form.nodes_field.setText("m1")
    panel.form.max_tokens_field.setValue(100)
    lengths: list[int] = []
    panel._job.received.connect(lambda reply: lengths.append(len(reply.result.continuations[1].tokens)))
    qtbot.mouseClick(panel.form.steer_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(lengths) > 1, timeout=LONG)
    qtbot.mouseClick(panel.form.cancel_button, Qt.MouseButton.LeftButton)
    n_at_click = lengths[-1]
    qtbot.waitUntil(panel.form.steer_button.isEnabled, timeout=LONG)
    assert lengths[-1] <= n_at_click + 3 and not demo_host.workspace.state.steering
    assert panel.shown_result is not None and not panel.shown_result.is_whole
    assert "Cancelled" in panel.form.message_label.text()


def test_the_line_says_when_writing_failed(
    demo_host: PanelHost, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise ComputationError("No numbers.")

    monkeypatch.setattr(SteerModel, "compute_steps", fail)
    panel = demo_host.show("steering")
    panel.form.nodes_field.setText("m1")
    qtbot.mouseClick(panel.form.steer_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(demo_host.failures), timeout=LONG)
    assert "Failed" in panel.form.message_label.text() and not demo_host.workspace.state.steering
    demo_host.failures.clear()


def test_what_cannot_be_steered_is_said_in_the_form(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("steering")
    qtbot.keyClicks(panel.form.nodes_field, "a9.h99")
    qtbot.waitUntil(lambda: "cannot be steered" in panel.form_check.text(), timeout=LONG)
    panel.form.nodes_field.setText("a1.h2")
    panel.form.strengths_field.setText("much")
    qtbot.waitUntil(lambda: "is no strength" in panel.form_check.text(), timeout=LONG)


def test_the_command_takes_the_selected_nodes(demo_host: PanelHost) -> None:
    demo_host.panel("steering")
    demo_host.workspace.set_selection(frozenset({"a2.h6", "m1", "logits"}), frozenset())
    demo_host.run_command("steer-nodes")
    assert demo_host.panel("steering").form.node_names == ["m1", "a2.h6"]
