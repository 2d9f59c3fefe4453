"""The heat map apart from what it shows: colours, keys, what it says, what it saves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from circuitviz.errors import InputError
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.shapes.heat_grid import HeatGrid

VALUES = np.array([[0.0, 2.0, np.nan], [-4.0, np.nan, 1.0]])


@pytest.mark.parametrize("size", [(420, 220), (173, 97)])
def test_cells_are_painted_in_their_colours_with_the_ground_between_them(
    qtbot: QtBot, size: tuple[int, int]
) -> None:
    map_ = HeatMap("test")
    qtbot.addWidget(map_)
    map_.resize(*size)
    grid = HeatGrid(["a", "b"], ["x", "y", "z"], VALUES, "logits")
    map_.show_grid(grid)
    picture, shades = map_.grab().toImage(), grid.cell_colours(map_.theme)
    first, second = map_.cell_rect(0, 0), map_.cell_rect(0, 1)
    ground = picture.pixelColor(size[0] - 1, size[1] - 1)
    for i in range(2):
        for j in range(3):
            seen = picture.pixelColor(map_.cell_center(i, j).toPoint())
            assert (seen.red(), seen.green(), seen.blue()) == (
                tuple(shades[i, j].tolist())
                if np.isfinite(VALUES[i, j])
                else (ground.red(), ground.green(), ground.blue())
            )
    line = [
        picture.pixelColor(x, round(first.center().y()))
        for x in range(round(first.left()), round(first.left()) + round(first.width() + second.width()))
    ]
    assert line.count(ground) == 2  # a pixel after each of two cells


def test_a_cell_too_narrow_for_its_text_has_none(qtbot: QtBot) -> None:
    map_ = HeatMap("test")
    qtbot.addWidget(map_)
    values = np.full((1, 20), 1.0)
    pictures = []
    for text in ("wwwwwwww", ""):
        map_.resize(30 * 20, 80)
        map_.show_grid(HeatGrid(["a"], [""] * 20, values, cell_texts=[[text] * 20]))
        pictures.append(map_.grab().toImage())
        map_.resize(19 * 20 + 70, 80)
        pictures.append(map_.grab().toImage())
    assert pictures[0] != pictures[2]  # there is room for a letter
    assert pictures[1] == pictures[3]  # there is room for … alone, which says nothing


def test_keys_walk_over_cells_that_are_there_and_enter_chooses(qtbot: QtBot) -> None:
    map_ = HeatMap("test")
    qtbot.addWidget(map_)
    map_.resize(400, 200)
    map_.show_grid(HeatGrid(["a", "b"], ["x", "y", "z"], VALUES))
    pointed, chosen = [], []
    map_.cell_hovered.connect(lambda *place: pointed.append(place))
    map_.cell_chosen.connect(lambda *place: chosen.append(place))
    for key in ("Right", "Right", "Right", "Down", "Left", "Down"):
        qtbot.keyClick(map_, getattr(Qt.Key, f"Key_{key}"))
    assert pointed == [(0, 0), (0, 1), (0, 0), (1, 0)]  # nothing is below (0, 1), nor to its right
    qtbot.keyClick(map_, Qt.Key.Key_Return)
    assert chosen == [map_.hovered_cell]
    assert map_.accessibleDescription() == map_.grid.cell_description(*map_.hovered_cell)


def test_hovering_says_and_a_click_chooses_only_cells(qtbot: QtBot) -> None:
    map_ = HeatMap("test")
    qtbot.addWidget(map_)
    map_.resize(400, 200)
    map_.show_grid(HeatGrid(["a", "b"], ["x", "y", "z"], VALUES))
    map_.show()
    for row in range(2):
        for column in range(3):
            there = (row, column) if np.isfinite(VALUES[row, column]) else (-1, -1)
            assert map_.cell_at(map_.cell_center(row, column)) == there
    chosen = []
    map_.cell_chosen.connect(lambda *place: chosen.append(place))
    for place in ((1, 0), (1, 1)):
        qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=map_.cell_center(*place).toPoint())
    qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert chosen == [(1, 0)]
    assert map_.grid.cell_description(1, 0) == "b, x: −4.0000" and map_.grid.cell_description(1, 1) == ""


def test_pictures_are_drawn_not_pasted_and_an_unknown_suffix_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    map_ = HeatMap("test")
    qtbot.addWidget(map_)
    map_.resize(700, 400)
    many = np.random.default_rng(0).normal(size=(60, 60))  # in the window these are one bitmap
    map_.show_grid(
        HeatGrid([f"r{i}" for i in range(60)], [""] * 60, many, build_table=lambda: [["r"], [1.5]])
    )
    map_.save(tmp_path / "a.svg")
    svg = (tmp_path / "a.svg").read_text()
    assert "<image" not in svg and svg.count("<rect") >= 3600 and ">r0<" in svg
    map_.save(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "r\n1.5\n"
    map_.save(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match=r"\.csv, \.pdf, \.png, \.svg, \.tex would be right"):
        map_.save(tmp_path / "a.gif")
