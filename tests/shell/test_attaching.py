"""An imported circuit in the window: nothing is claimed of its signs until exact effects tell them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_case
from opening import LONG, measured, open_in
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot
from slow_path import STORIES

from circuitviz.discovery import discover
from circuitviz.document import Document, State
from circuitviz.evaluation import evaluate
from circuitviz.formats import export_document
from circuitviz.graph import Circuit, Scores
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task

CLAIMS = ("raises the metric", "lowers the metric", "raise the metric", "lower it")


@pytest.fixture
def theirs(tmp_path: Path) -> tuple[Path, Scores, Circuit]:
    """A circuit of the demo model as EAP-IG writes one of a loss: without a word on its signs, which are turned."""
    case = make_case("demo")
    scores = discover(case.model, case.task, "eap-ig", metric="logit-diff")
    circuit = scores.greedy(60)
    path = tmp_path / "theirs.json"
    export_document(Document(State(scores=scores, circuit=circuit)), path)
    data = json.loads(path.read_text())
    assert data["cfg"].pop("score_sign") == "positive helps"
    for edge in data["edges"].values():
        edge["score"] *= -1
    path.write_text(json.dumps(data))
    return path, scores, circuit


def words(window: MainWindow) -> str:
    """What labels and buttons of the window say, with their tooltips and what is read out."""
    found = [
        text
        for widget in (*window.findChildren(QLabel), *window.findChildren(QAbstractButton))
        for text in (widget.text(), widget.toolTip(), widget.accessibleName())
    ]
    return "\n".join(found)


def test_exact_effects_turn_the_signs_and_that_is_undone(
    window: MainWindow, qtbot: QtBot, theirs: tuple[Path, Scores, Circuit]
) -> None:
    path, scores, circuit = theirs
    open_in(window, qtbot, path)
    desk, form = window.workspace, window.panels["discovery"]
    assert desk.state.sign_meaning == "file" and window.view.circuit_scene.sign == "file"
    assert not any(claim in words(window) for claim in CLAIMS)
    form.model_box.setEditText("demo")
    form.task_box.setEditText("ioi")
    form.prompts_field.setValue(16)
    window.menus.actions["attach"].trigger()
    qtbot.waitUntil(lambda: desk.document.state.sign_meaning == "helps", timeout=LONG)
    state = desk.document.state
    assert state.circuit == circuit and state.scores is not None and state.origin is not None
    assert np.allclose(state.scores.values, np.where(scores.graph.mask, scores.values, 0))
    assert state.origin.options == {"file": "theirs.json", "sign": "auto"}
    assert "flipped" in state.scores.info["score_sign_note"]
    assert any(claim in words(window) for claim in CLAIMS)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    case = make_case("demo")
    value = evaluate(case.model, load_task("ioi", case.model, 16), circuit).faithfulness.value
    assert desk.document.evaluation["faithfulness"]["value"] == pytest.approx(value, abs=1e-5)
    assert desk.live_faithfulness.estimate_what_if(frozenset({"m0"})) is not None
    assert desk.undo_stack.undoText() == "Turn the signs of imported scores"
    desk.undo_stack.undo()
    assert desk.document.state.sign_meaning == "file" and desk.document.state.origin is not None
    assert np.allclose(desk.document.state.scores.values, -state.scores.values)
    assert not any(claim in words(window) for claim in CLAIMS)
    assert (
        desk.live_faithfulness.estimate_what_if(frozenset({"m0"})) is None
    )  # which way it would move is not known
    desk.undo_stack.redo()
    assert desk.document.state.sign_meaning == "helps"


@pytest.mark.skipif(not STORIES.is_dir(), reason="stories260K is not beside this checkout")
def test_a_model_of_another_shape_is_refused(
    window: MainWindow, qtbot: QtBot, theirs: tuple[Path, Scores, Circuit]
) -> None:
    open_in(window, qtbot, theirs[0])
    before = window.workspace.document.state
    form = window.panels["discovery"]
    form.model_box.setEditText(str(STORIES))
    form.task_box.setEditText("gender")
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG) as told:
        form.attach_circuit()
    assert "8 heads with 4 key-value heads" in told.args[0].message
    window.dialogs.failure_dialog.close()
    assert window.workspace.document.state is before
