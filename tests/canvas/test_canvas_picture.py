"""The picture of the canvas for the clipboard: twice the pixels, sharp, and nothing that lies over it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from circuitviz.canvas.canvas_picture import picture_of_canvas
from circuitviz.canvas.canvas_texts import LegendImage, paint_legend_and_status
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.theme import LIGHT

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


def _pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., :3].astype(int)


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    """A canvas with a circuit, drawn as it rests."""
    view = CircuitView()
    qtbot.addWidget(view)
    view.resize(640, 480)
    view.show()
    view.show_scene(build_scene(State(None, SCORES, SCORES.greedy(120))))
    view.fit()
    qtbot.wait(300)  # until the sharp picture is there
    return view


def test_it_has_twice_the_pixels_and_more_detail(view: CircuitView, qtbot: QtBot) -> None:
    picture = picture_of_canvas(view)
    assert picture.size() == view.viewport().size() * 2
    fine, coarse = _pixels(picture), _pixels(view.viewport().grab().toImage())
    assert len(np.unique(fine.reshape(-1, 3), axis=0)) > 20
    means = fine.reshape(coarse.shape[0], 2, coarse.shape[1], 2, 3).mean(axis=(1, 3))
    assert np.abs(means - coarse).mean() < 6  # it shows the same
    # an image that is stretched has pairs of equal neighbours; this one has edges of single pixels
    stretched = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)
    step = np.abs(np.diff(fine, axis=1)).sum(-1)
    assert (step[:, ::2] > 30).sum() > 0.3 * (step[:, 1::2] > 30).sum()
    assert not (np.abs(np.diff(stretched, axis=1)).sum(-1)[:, ::2] > 30).any()
    again = _pixels(view.viewport().grab().toImage())
    assert np.array_equal(again, coarse)  # the canvas goes on with its images


def test_what_lies_over_the_canvas_is_not_in_it(view: CircuitView, qtbot: QtBot) -> None:
    before = _pixels(picture_of_canvas(view))
    note = QLabel("a card", view.viewport())
    note.setStyleSheet("background: #ff00ff")
    note.setGeometry(100, 100, 200, 100)
    note.show()
    assert np.array_equal(_pixels(picture_of_canvas(view)), before)


def test_the_legend_that_is_kept_looks_as_one_painted_anew(view: CircuitView) -> None:
    entries = view.scene_items.legend_entries(view.circuit_scene, LIGHT)
    strips = []
    for legend in (None, LegendImage()):
        image = QImage(600, 60, QImage.Format.Format_RGB32)
        image.fill(0)
        for text in ("once", "again"):
            painter = QPainter(image)
            paint_legend_and_status(painter, entries, LIGHT, QRectF(0, 0, 600, 60), text, legend)
            painter.end()
        strips.append(_pixels(image))
    assert np.array_equal(*strips) and len(np.unique(strips[0].reshape(-1, 3), axis=0)) > 10
    image.fill(0)
    painter = QPainter(image)
    paint_legend_and_status(painter, entries[:1], LIGHT, QRectF(0, 0, 600, 60), "again", legend)
    painter.end()
    assert not np.array_equal(_pixels(image), strips[0])  # another one is not confused with it
