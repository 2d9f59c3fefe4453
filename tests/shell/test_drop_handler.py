"""Files dropped on the real window: circuits of every format, a model's folder, a task, labels, nonsense."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from opening import LONG, export_in, open_in, save_in
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.document import Document, Label, State, set_label
from circuitviz.formats import export_document, save_document
from circuitviz.formats.label_files import write_labels
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.drag_and_drop import classify_dropped_path
from circuitviz.shell.main_window import MainWindow

COPY = Qt.DropAction.CopyAction


def data_of(*paths: Path | str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(p)) if isinstance(p, Path) else QUrl(p) for p in paths])
    return data


def over(window: QWidget, data: QMimeData) -> bool:
    event = QDragEnterEvent(
        QPoint(400, 300), COPY, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    return event.isAccepted()


def drop_circuit(window: MainWindow, qtbot: QtBot, *paths: Path) -> None:
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        drop(window, *paths)


def drop(window: QWidget, *paths: Path) -> None:
    data = data_of(*paths)
    assert over(window, data)
    event = QDropEvent(
        QPointF(400, 300), COPY, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(window, event)
    QApplication.processEvents()


@pytest.fixture
def document() -> Document:
    graph = Graph.transformer(ModelShape(2, 4, 16))
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap")
    return Document(State(None, scores, scores.greedy(40)))


def test_a_circuit_of_any_format_opens(open_window, qtbot: QtBot, tmp_path: Path, document: Document) -> None:
    window: MainWindow = open_window()
    dropped: list[Path] = []
    for suffix in (".circuit", ".json", ".graph.json", ".csv", ".graphml"):
        path = tmp_path / f"dropped{suffix}"
        (save_document if suffix == ".circuit" else export_document)(document, path)
        drop_circuit(window, qtbot, path)
        state = window.workspace.document.state
        assert state.circuit is not None and document.state.circuit is not None
        assert set(state.circuit.edge_names) == set(document.state.circuit.edge_names), suffix
        qtbot.waitUntil(lambda: bool(window.view.circuit_scene.nodes), timeout=LONG)
        assert window.pages.currentWidget() is window.view
        dropped.insert(0, path)
        assert window.settings.recent_files == dropped
        window.workspace.tab_controller.close(window.workspace.tabs.front)
        assert window.pages.currentWidget() is window.start_page


def test_model_task_and_labels_go_where_they_belong(open_window, tmp_path: Path, document: Document) -> None:
    model, task, labels = tmp_path / "my-model", tmp_path / "pairs.csv", tmp_path / "labels.jsonl"
    model.mkdir()
    (model / "config.json").write_text("{}")
    task.write_text("clean,corrupted,correct,incorrect\na,b,c,d\n")
    window: MainWindow = open_window()
    drop(window, model, task)
    form = window.panels["discovery"]
    assert form.model_box.currentText() == str(model) and form.task_box.currentText() == str(task)  # type: ignore[attr-defined]
    window.workspace.set_document(document)
    other = Document(document.state)
    other.apply_command(set_label("m0", Label("Name Mover")))
    write_labels(other.state, labels)
    drop(window, labels)
    assert window.workspace.document.state.labels["m0"].text == "Name Mover"


def test_what_would_happen_is_said_before(open_window, tmp_path: Path, document: Document) -> None:
    path = tmp_path / "ioi.circuit"
    save_document(document, path)
    window: MainWindow = open_window()
    assert over(window, data_of(path)) and window.drop_handler.overlay.isVisible()
    assert window.drop_handler.overlay.text() == "Open ioi.circuit"
    shoot(window, "drop")
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.drop_handler.overlay.isVisible()
    assert (
        not over(window, data_of("https://example.com/a.circuit"))
        and not window.drop_handler.overlay.isVisible()
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('[{"clean": "a", "corrupted": "b", "correct": "c"}]', "task"),
        ('{"prompts": [{"clean": "a", "corrupt": "b", "answers": ["c"]}]}', "task"),
        ('{"clean_prefix": "a", "patch_prefix": "b", "clean_answer": "c", "patch_answer": "d"}', "task"),
        ('{"cfg": {}, "nodes": {}, "edges": {}}', "circuit"),
        ('{"metadata": {"prompt": "a", "prompt_tokens": []}, "nodes": [], "links": []}', "circuit"),
    ],
)
def test_json_is_a_task_or_a_circuit_by_how_it_begins(tmp_path: Path, text: str, kind: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert classify_dropped_path(path).kind == kind


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    assert "no file" in classify_dropped_path(tmp_path / "a.csv").refusal


def test_nonsense_is_refused_in_a_sentence(open_window, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    (tmp_path / "photo.jpeg").write_bytes(b"\xff\xd8")
    (tmp_path / "empty").mkdir()
    for name, says in (("photo.jpeg", "no suffix that can be read"), ("empty", "config.json")):
        drop(window, tmp_path / name)
        assert (
            window.dialogs.failure_dialog is not None
            and says in window.dialogs.failure_dialog.informativeText()
        )
        window.dialogs.failure_dialog.close()
    assert classify_dropped_path(tmp_path / "gone.csv").refusal
    assert window.workspace.document.state.circuit is None


def test_each_of_several_circuits_opens_in_a_tab(
    open_window, qtbot: QtBot, tmp_path: Path, document: Document
) -> None:
    for name in ("a", "b"):
        save_document(document, tmp_path / f"{name}.circuit")
    window: MainWindow = open_window()
    drop_circuit(window, qtbot, tmp_path / "a.circuit", tmp_path / "b.circuit")
    qtbot.waitUntil(lambda: window.document_tabs.bar.count() == 2, timeout=LONG)
    assert window.workspace.tabs.display_names() == ["a.circuit", "b.circuit"]


def test_a_window_of_its_own_takes_files(
    open_window, qtbot: QtBot, tmp_path: Path, document: Document
) -> None:
    for name in ("a", "b"):
        save_document(document, tmp_path / f"{name}.circuit")
    window: MainWindow = open_window()
    drop_circuit(window, qtbot, tmp_path / "a.circuit")
    window.run_command("own-window")
    (own,) = window.canvas_panes.windows
    assert own.acceptDrops() and over(own, data_of(tmp_path / "b.circuit"))
    (overlay,) = own.findChildren(QLabel, "drop")
    assert overlay.isVisible() and "b.circuit" in overlay.text()
    QApplication.sendEvent(own, QDragLeaveEvent())
    assert not overlay.isVisible()
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        drop(own, tmp_path / "b.circuit")
    assert window.workspace.tabs.display_names() == ["a.circuit", "b.circuit"]


def test_an_attribution_graph_is_seen_ablated_saved_and_exported(
    open_window, qtbot: QtBot, tmp_path: Path
) -> None:
    """A file of circuit-tracer's, with two logits, through the window and back."""
    tracer = {"feature": 1, "jsNodeId": "x", "run_idx": 0}
    nodes = [
        {
            **tracer,
            "node_id": "E_7_0",
            "layer": "E",
            "ctx_idx": 0,
            "feature_type": "embedding",
            "clerp": "the",
        },
        {
            **tracer,
            "node_id": "0_5_1",
            "layer": "0",
            "ctx_idx": 1,
            "feature_type": "cross layer transcoder",
            "clerp": "names",
        },
        {
            **tracer,
            "node_id": "2_-1_1",
            "layer": "2",
            "ctx_idx": 1,
            "feature_type": "mlp reconstruction error",
            "clerp": "",
        },
        {**tracer, "node_id": "4_8_1", "layer": "4", "ctx_idx": 1, "feature_type": "logit", "clerp": "Mary"},
        {**tracer, "node_id": "4_9_1", "layer": "4", "ctx_idx": 1, "feature_type": "logit", "clerp": "John"},
    ]
    joined = [
        ("E_7_0", "0_5_1", 2.0),
        ("0_5_1", "4_8_1", 1.0),
        ("0_5_1", "4_9_1", -1.0),
        ("2_-1_1", "4_8_1", 0.25),
    ]
    links = [{"source": s, "target": t, "weight": w} for s, t, w in joined]
    given = {
        "metadata": {"slug": "s", "scan": "m", "prompt": "p", "prompt_tokens": ["a", "b"]},
        "nodes": nodes,
        "links": links,
    }
    path = tmp_path / "s.json"  # as Neuronpedia's downloads are named
    path.write_text(json.dumps(given))
    window: MainWindow = open_window()
    open_in(window, qtbot, path)
    assert set(window.view.circuit_scene.by_name) == {
        "token@0",
        "m0.f5@1",
        "m2.error@1",
        "logit.8@1",
        "logit.9@1",
    }
    assert window.view.circuit_scene.by_name["m0.f5@1"].label == "names"
    shoot(window, "attribution-graph")
    window.view.select({"m2.error@1"})
    window.run_command("ablate")
    kept, back = tmp_path / "s.circuit", tmp_path / "again.graph.json"
    assert save_in(window, kept) and export_in(window, back)
    again = json.loads(back.read_text())
    out = {one["node_id"]: one.get("circuitviz", {}).get("ablated", False) for one in again["nodes"]}
    assert out == {one["node_id"]: one["node_id"] == "2_-1_1" for one in nodes}
    assert len(again["links"]) == len(links)
    window.workspace.undo_stack.undo()
    assert export_in(window, back)
    assert json.loads(back.read_text())["nodes"] == nodes
    for suffix in ("svg", "png"):
        assert export_in(window, tmp_path / f"s.{suffix}")
