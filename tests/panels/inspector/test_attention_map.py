"""The heat map apart from what it shows: colours, keys, what it says, what it saves."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels.inspector.attention_map import AttentionMap


def test_a_held_row_stays_until_it_is_freed(qtbot: QtBot) -> None:
    map_ = AttentionMap()
    qtbot.addWidget(map_)
    map_.resize(300, 300)
    map_.show_pattern(["a", "b", "c"], np.tril(np.full((3, 3), 0.5)))
    assert map_.query == 2
    map_.hover_cell(1, 0)
    assert map_.query == 1
    map_.toggle_lock(1)
    map_.hover_cell(2, 0)
    assert map_.query == 1 and map_.is_locked
    map_.show_pattern(["a", "b", "c"], np.tril(np.full((3, 3), 0.3)))  # another head, the same prompt
    assert map_.query == 1 and map_.is_locked
    qtbot.keyClick(map_, Qt.Key.Key_Escape)
    assert map_.query == 2 and not map_.is_locked
    map_.toggle_lock(0)
    map_.show_pattern(["d", "e"], np.tril(np.full((2, 2), 0.3)))
    assert map_.query == 1 and not map_.is_locked
