"""Circuits of real models are read when they are opened: names of at least nine pixels, boxes apart, all in view.

GPT-2 small's size with the 756 edges of its published IOI circuit, a model of 30 layers, a model of labelled
heads that ships; in the real window of 1280 × 800.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from opening import LONG, save_in
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.formats import import_document, open_document
from circuitviz.formats.reference_circuit import list_references
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.paint import circuit_painter
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.build_scene import build_scene
from circuitviz.shell.main_window import MainWindow

LEAST = 9.0
pytestmark = pytest.mark.stalls


def circuit(shape: ModelShape, edges: int) -> Document:
    """Edges of scores as heavy-tailed as attribution scores are."""
    graph = Graph.transformer(shape)
    rng = np.random.default_rng(0)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    scores = Scores(graph, values, "eap-ig")
    return Document(State(None, scores, scores.greedy(edges)))


def gpt2() -> Document:
    return circuit(ModelShape(12, 12, 768), 756)


def deep() -> Document:
    return circuit(ModelShape(30, 9, 576, 3), 500)


def deepest() -> Document:
    return circuit(ModelShape(80, 8, 512), 900)


def labelled() -> Document:
    return import_document(list_references()["ioi-gpt2"])


def show(open_window: Callable[[], MainWindow], qtbot: QtBot, document: Document) -> MainWindow:
    window = open_window()
    assert window.size() == QSize(1280, 800)
    window.workspace.set_document(document)
    qtbot.waitUntil(
        lambda: not window.canvas_updater.is_pending and not window.view.animation.is_running, timeout=LONG
    )
    window.view.scene_items.render_now()
    return window


def boxes(window: MainWindow) -> dict[str, QRectF]:
    """Where nodes are, in pixels of the canvas."""
    view = window.view
    to_view = view.viewportTransform()
    return {
        node.name: to_view.mapRect(circuit_painter.node_box(node))
        for node in view.scene_items.geometry.scene.nodes
    }


def written(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Names that are painted anew, with the height of their letters in pixels."""
    names: dict[str, float] = {}
    write = circuit_painter._paint_name

    def note(painter: QPainter, rect: QRectF, text: str, scale: float) -> None:
        write(painter, rect, text, scale)
        ratio = painter.device().devicePixelRatioF()
        names[text] = painter.font().pixelSize() * painter.deviceTransform().m11() / ratio

    with monkeypatch.context() as patched:
        patched.setattr(circuit_painter, "_paint_name", note)
        stage = window.view.scene_items
        stage.node_batch.clear_images()
        for item in stage.node_items.values():
            item.update()
        stage.render_now()
        window.view.grab()
    return names


def test_a_circuit_of_up_to_thirty_layers_is_read_at_once(
    open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    for build in (gpt2, labelled, deep):
        show(lambda: window, qtbot, build())
        shown = boxes(window)
        names = written(window, monkeypatch)
        assert names.keys() == shown.keys()  # none is cut
        assert min(names.values()) >= LEAST
        free = window.view.free_area
        assert all(free.contains(rect) for rect in shown.values())
        assert not [pair for pair in combinations(shown, 2) if shown[pair[0]].intersects(shown[pair[1]])]
        whole = QRectF()
        for rect in shown.values():
            whole = whole.united(rect)
        assert whole.width() * whole.height() > 0.7 * free.width() * free.height()
        assert window.view.overview.rect.isEmpty()


def test_eighty_layers_open_where_names_are_read_with_the_map(
    open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = show(open_window, qtbot, deepest())
    view, shown = window.view, boxes(window)
    seen = {name for name, rect in shown.items() if view.free_area.contains(rect)}
    names = written(window, monkeypatch)
    assert "logits" in seen and len(seen) > 30 and seen <= names.keys()
    assert min(names.values()) >= LEAST
    assert not view.overview.rect.isEmpty() and view.free_area.contains(view.overview.rect)
    assert all(
        rect.left() >= 0 and rect.right() <= view.width() for rect in shown.values()
    )  # all of the width
    assert not [pair for pair in combinations(shown, 2) if shown[pair[0]].intersects(shown[pair[1]])]
    zoom = view.zoom
    QTest.keyClick(view, Qt.Key.Key_F)
    assert all(view.free_area.contains(rect) for rect in boxes(window).values())
    assert view.overview.rect.isEmpty() and not written(window, monkeypatch)
    QTest.keyClick(view, Qt.Key.Key_F)
    assert view.zoom == zoom and not view.overview.rect.isEmpty()


def test_no_text_of_a_node_is_smaller_at_any_zoom() -> None:
    for size in (9, 10, 11, 12, 13):
        for scale in np.linspace(circuit_painter.LEGIBLE_ZOOM, 3, 200):
            assert canvas_font(size, scale=float(scale)).pixelSize() * scale >= LEAST


def drag(window: MainWindow, name: str, shift: QPoint) -> None:
    view = window.view
    at = view.viewport_position(name)
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(view.viewport(), at + shift / 2)
    QTest.mouseMove(view.viewport(), at + shift)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=at + shift)


def test_a_moved_node_stays_under_the_pointer_and_moves_no_other(
    open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path
) -> None:
    window = show(open_window, qtbot, gpt2())
    view, desk = window.view, window.workspace
    before, size = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}, view.size()
    for name, shift in (("m8", QPoint(-160, 30)), ("logits", QPoint(120, 10))):  # alone in their rows
        at = view.viewport_position(name)
        drag(window, name, shift)
        assert (view.viewport_position(name) - at - shift).manhattanLength() <= 2
        now = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}
        assert {n: p for n, p in now.items() if n not in desk.state.positions} == {
            n: p for n, p in before.items() if n not in desk.state.positions
        }
    kept = dict(desk.state.positions)
    window.resize(1500, 1000)
    QApplication.processEvents()
    assert desk.state.positions == kept
    apart = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}
    assert apart == now  # nothing is laid out anew while a person's own places are there
    assert save_in(window, tmp_path / "moved.circuit")
    assert open_document(tmp_path / "moved.circuit").state.positions == kept
    desk.undo_stack.undo()
    desk.undo_stack.undo()
    qtbot.waitUntil(lambda: not view.animation.is_running, timeout=LONG)
    refitted = {node.name: (node.x, node.y) for node in view.circuit_scene.nodes}
    assert refitted != before  # nothing is moved by hand any more: the layout fits the larger window
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: view.size() == size, timeout=LONG)  # without a bar of progress below it
    view.fit()
    assert {node.name: (node.x, node.y) for node in view.circuit_scene.nodes} == before


def test_places_in_a_file_are_those_of_the_layout_whatever_the_window(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    """A node put where the layout has another node is drawn where that one is, in small and large windows."""
    window = show(open_window, qtbot, gpt2())
    laid_out = build_scene(window.workspace.state).by_name
    inner = [n for n in laid_out if n.startswith("a5.")]
    window.view.nodes_moved.emit({"m8": (laid_out[inner[0]].x, laid_out[inner[0]].y)})
    for size in (QRect(0, 0, 1000, 700), QRect(0, 0, 1700, 900)):
        window.setGeometry(size)
        QApplication.processEvents()
        drawn = window.view.circuit_scene.by_name
        assert (drawn["m8"].x, drawn["m8"].y) == pytest.approx((drawn[inner[0]].x, drawn[inner[0]].y))


def test_another_size_of_the_window_lays_out_anew_unless_one_has_zoomed(
    open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = show(open_window, qtbot, gpt2())
    window.resize(1000, 700)
    QApplication.processEvents()
    spread, zoom = window.view.aspect_fitter.transform, window.view.zoom
    window.resize(1900, 1050)
    QApplication.processEvents()
    assert window.view.aspect_fitter.transform != spread and window.view.zoom > zoom + 0.1
    assert min(written(window, monkeypatch).values()) >= LEAST
    window.view.zoom_by(2.0)
    spread = window.view.aspect_fitter.transform
    window.resize(1280, 800)
    QApplication.processEvents()
    assert window.view.aspect_fitter.transform == spread and window.view.zoom > 1.5
