"""The chips of a pair: wrapped below one another, each column as wide as its longer token."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.aligned_tokens import AlignedTokens
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import RowInspection, visible_spaces

CLEAN = ("<s>", "The", " extraordinary", " cat", " sat")
CORRUPTED = ("<s>", "The", " dog", " sat")
COLUMNS = ((0, 0), (1, 1), (2, None), (3, 2), (4, 3))
ONE = RowInspection(PromptRow("a", "b"), CLEAN, CORRUPTED, COLUMNS, frozenset({2, 3}))


def test_columns_do_not_overlap_and_lines_wrap(qtbot: QtBot) -> None:
    window, tokens = QWidget(), AlignedTokens()
    qtbot.addWidget(window)
    tokens.setParent(window)
    tokens.show_inspection(ONE)
    window.show()
    heights = []
    for width in (900, 300, 180):
        tokens.resize(width, 40)
        rects = tokens._column_rects(tokens.width())
        metrics = QFontMetricsF(tokens.font())
        for column, rect in enumerate(rects):
            assert all(
                metrics.horizontalAdvance(visible_spaces(t)) < rect.width()
                for t in tokens._column_texts(column)
            )
            assert not any(rect.intersects(other) for other in rects if other is not rect)
        heights.append(tokens.height())
        assert tokens.height() >= rects[-1].bottom()
    assert heights[0] < heights[1] <= heights[2]


def test_a_token_tells_its_position_and_a_gap_that_there_is_none(qtbot: QtBot) -> None:
    tokens = AlignedTokens()
    qtbot.addWidget(tokens)
    tokens.resize(900, 60)
    tokens.show_inspection(ONE)
    assert (
        tokens._tool_tip(tokens.column_center(3))
        == "clean: ' cat' at position 3\ncorrupted: ' dog' at position 2"
    )
    assert "corrupted: no token" in tokens._tool_tip(tokens.column_center(2))
    assert tokens._tool_tip(QPoint(1, 1).toPointF()) == ""
    assert (
        "·cat/·dog" in tokens.accessibleDescription() and "·extraordinary/∅" in tokens.accessibleDescription()
    )


def test_what_differs_is_painted_otherwise(qtbot: QtBot) -> None:
    tokens = AlignedTokens()
    qtbot.addWidget(tokens)
    tokens.resize(900, 60)
    tokens.show_inspection(ONE)
    image = tokens.grab().toImage()
    ratio = image.devicePixelRatio()

    def corner(column: int) -> str:
        rect = tokens._column_rects(tokens.width())[column]
        return image.pixelColor(round((rect.left() + 4) * ratio), round((rect.top() + 5) * ratio)).name()

    assert corner(1) == tokens.theme.window and corner(3) != corner(1)
