"""Two widgets stand side by side where the width holds both, and else one above the other."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_column


def test_a_row_folds_and_unfolds_with_its_width_and_with_what_it_holds(qtbot: QtBot) -> None:
    first, second = QPushButton("first"), QLabel("second")
    root = QWidget()
    qtbot.addWidget(root)
    row = FoldingRow(first, second, first_px=120, stretches=(0, 1))
    lay_out_column(row, parent=root)
    root.resize(400, 100)
    root.show()
    qtbot.waitUntil(lambda: not row.is_folded and second.x() > first.width())
    assert first.width() == scale_pixels(row, 120)
    second.setText("second " * 60)  # wider than the window would be
    row_min = root.minimumSizeHint().width()
    assert row_min < second.minimumSizeHint().width() + 120
    root.resize(row_min + 1, 100)
    qtbot.waitUntil(lambda: row.is_folded and second.y() > first.geometry().bottom())
    assert first.width() == second.width() == row.width()
    second.setText("second")
    qtbot.waitUntil(lambda: not row.is_folded and second.x() > first.width())


def test_a_row_beside_another_widget_is_not_folded_while_there_is_room(qtbot: QtBot) -> None:
    inner, field = FoldingRow(QPushButton("first"), QPushButton("second"), stretches=(0, 1)), QComboBox()
    row = FoldingRow(inner, field, stretches=(0, 1))
    qtbot.addWidget(row)
    both_px = inner.sizeHint().width()
    row.resize(both_px + 3 * field.minimumSizeHint().width(), 60)
    row.show()
    qtbot.waitUntil(lambda: not row.is_folded and not inner.is_folded)
    row.resize(both_px, 60)
    qtbot.waitUntil(lambda: inner.is_folded or row.is_folded)
    assert inner.sizeHint().width() == both_px
    row.resize(both_px + 3 * field.minimumSizeHint().width(), 60)
    qtbot.waitUntil(lambda: not row.is_folded and not inner.is_folded)
