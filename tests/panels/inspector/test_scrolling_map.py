"""The attention map in the inspector: every token can be read at any width, and row names stay in sight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from circuitviz.panels.inspector.attention_map import AttentionMap
from circuitviz.panels.inspector.scrolling_map import MAX_MAP_PX, MIN_CELL_PX, ScrollingMap
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.text_metrics import SCREEN_FONT, text_width

TOKENS = ["<|endoftext|>", *(f" word{i}" for i in range(39))]


def _show(qtbot: QtBot, n_tokens: int, width_px: int) -> ScrollingMap:
    area = ScrollingMap(AttentionMap())
    qtbot.addWidget(area)
    area.resize(width_px, 300)
    area.show()
    pattern = np.tril(np.ones((n_tokens, n_tokens))) / np.arange(1, n_tokens + 1)[:, None]
    area.heat_map.show_pattern((TOKENS * (1 + n_tokens // len(TOKENS)))[:n_tokens], pattern)
    return area


@pytest.mark.parametrize("width_px", [240, 300, 420, 900])
@pytest.mark.parametrize("n_tokens", [2, 9, 17, 40])
def test_every_token_is_written_at_any_width(qtbot: QtBot, n_tokens: int, width_px: int) -> None:
    area = _show(qtbot, n_tokens, width_px)
    map_ = area.heat_map
    _page, layout = map_.layout_shapes()
    assert layout.cell_width >= MIN_CELL_PX - 1
    assert layout.cell_width == pytest.approx(layout.cell_height, abs=0.6)
    _lines, words = layout.axes.draw(LIGHT, SCREEN_FONT, 11)
    written = [word.text for word in words]
    names = [token.replace(" ", "·") for token in TOKENS[:n_tokens]]
    assert written == [*names, *names]  # at each row, then at each column
    assert map_.height() <= area.height()  # the panel scrolls, the map does not
    fits = map_.width() <= area.viewport().width()
    assert fits == (area.horizontalScrollBar().maximum() == 0)
    assert not fits or n_tokens < 40 or width_px == 900
    for word in words:  # nothing is cut at the right either, where turned names lean over the last cells
        lean = text_width(word.text, SCREEN_FONT, word.size) * math.cos(math.radians(word.rotation_deg))
        assert word.x + lean * bool(word.rotation_deg) <= (map_.width() + 1)


def test_names_of_rows_stay_while_the_map_is_scrolled(qtbot: QtBot) -> None:
    area = _show(qtbot, 40, 300)
    map_, bar = area.heat_map, area.horizontalScrollBar()
    names_px = round(map_.layout_shapes()[1].axes.frame[0])

    def names_image() -> list[QColor]:
        image = area.viewport().grab().toImage()
        return [image.pixelColor(x, y) for x in range(names_px - 2) for y in range(60, map_.height(), 3)]

    before = names_image()
    assert len({colour.name() for colour in before}) > 3  # texts
    bar.setValue(bar.maximum())
    assert names_image() == before

    # the keyboard brings a cell into view
    bar.setValue(0)
    map_.setFocus()
    map_.hover_cell(39, 20)
    for _ in range(19):
        qtbot.keyClick(map_, Qt.Key.Key_Right)
    assert map_.hovered_cell == (39, 39)
    right = map_.cell_rect(39, 39).right() - bar.value()
    assert names_px < right <= area.viewport().width()
    for _ in range(39):
        qtbot.keyClick(map_, Qt.Key.Key_Left)
    place = map_.cell_rect(39, 0).toRect().topLeft() - QPoint(bar.value(), 0)
    assert place.x() >= names_px - 2


@pytest.mark.parametrize("n_tokens", [400, 2000])
def test_a_long_prompt_has_smaller_cells_instead_of_a_map_that_memory_cannot_hold(
    qtbot: QtBot, n_tokens: int
) -> None:
    area = _show(qtbot, n_tokens, 300)
    map_ = area.heat_map
    cells_px = map_.layout_shapes()[1].axes.frame[2:]
    assert max(cells_px) <= MAX_MAP_PX / map_.devicePixelRatioF() + 1
    assert max(map_.width(), map_.height()) <= max(cells_px) + 300  # with names
    last = map_.cell_rect(n_tokens - 1, n_tokens - 1)  # every cell is still there, and can be pointed at
    assert map_.rect().contains(last.toRect()) and map_.cell_at(last.center()) == (n_tokens - 1,) * 2
