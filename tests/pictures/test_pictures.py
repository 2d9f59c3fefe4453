"""Exported pictures: text stays text, nothing becomes a bitmap, the same twice."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from circuitviz.canvas.theme import DARK
from circuitviz.errors import InputError
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.pictures import save_picture
from circuitviz.session import Document, Label, State

GRAPH = Graph.transformer(Shape(3, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
STATE = State(
    None, SCORES, SCORES.greedy(60), frozenset({"m0"}), labels={"m1": Label("writes", "#aa3300")}
)
pytestmark = pytest.mark.usefixtures("qapp")


def test_svg_holds_text_and_paths_and_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save_picture(Document(STATE), path)
    root = ET.parse(path).getroot()
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    texts = {"".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("}text")}
    assert "image" not in kinds
    assert set(STATE.circuit.node_names) <= texts and "writes" in texts
    assert kinds.count("path") >= STATE.circuit.n_edges
    first = path.read_bytes()
    save_picture(Document(STATE), path)
    assert path.read_bytes() == first


def test_pdf_embeds_its_font_and_holds_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    save_picture(Document(STATE), path, DARK)
    data = path.read_bytes()
    assert data.startswith(b"%PDF") and b"/FontFile" in data and b"/Subtype /Image" not in data


def test_png_is_drawn(tmp_path: Path) -> None:
    from PySide6.QtGui import QImage

    path = tmp_path / "a.png"
    save_picture(Document(STATE), path)
    image = QImage(str(path))
    colours = {image.pixel(x, y) for x in range(0, image.width(), 9) for y in range(0, image.height(), 9)}
    assert image.width() > 1000 and len(colours) > 20


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    for state, name, says in (
        (STATE, "a.bmp", "no picture's name"),
        (STATE, "no/such/a.svg", "no folder"),
        (State(), "a.svg", "no circuit to draw"),
    ):
        with pytest.raises(InputError, match=says):
            save_picture(Document(state), tmp_path / name)
    assert not list(tmp_path.iterdir())
