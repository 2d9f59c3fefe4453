"""The chips of a pair: wrapped below one another, each column as wide as its longer token."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.aligned_tokens import AlignedTokens
from circuitviz.panels.prompt_editor.row_spans import TokenRange
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import RowInspection, visible_spaces

LEFT = Qt.MouseButton.LeftButton
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
        y = rect.top() + tokens._name_height_px + 5
        return image.pixelColor(round((rect.left() + 4) * ratio), round(y * ratio)).name()

    assert corner(1) == tokens.theme.window and corner(3) != corner(1)


@pytest.fixture
def tokens(qtbot: QtBot) -> AlignedTokens:
    ranges = ((0, 0), (0, 3), (3, 17), (17, 21), (21, 25))
    row = PromptRow("The extraordinary cat sat", "The dog sat")
    tokens = AlignedTokens()
    qtbot.addWidget(tokens)
    tokens.resize(900, 60)
    one = RowInspection(row, CLEAN, CORRUPTED, COLUMNS, clean_ranges=ranges)
    tokens.show_inspection(one, [("animal", 4, 21)])
    tokens.show()
    return tokens


def chip(tokens: AlignedTokens, column: int) -> QPoint:
    return tokens.column_center(column).toPoint()


def test_tokens_are_selected_with_the_mouse(tokens: AlignedTokens, qtbot: QtBot) -> None:
    qtbot.mouseClick(tokens, LEFT, pos=chip(tokens, 3))
    assert tokens.selected_tokens == TokenRange(3, 4)
    qtbot.mouseClick(tokens, LEFT, Qt.KeyboardModifier.ShiftModifier, pos=chip(tokens, 1))
    assert tokens.selected_tokens == TokenRange(1, 4)
    qtbot.mousePress(tokens, LEFT, pos=chip(tokens, 2))
    qtbot.mouseMove(tokens, chip(tokens, 4))
    move = QMouseEvent(QEvent.Type.MouseMove, QPointF(chip(tokens, 4)), QPointF(chip(tokens, 4)), LEFT, LEFT,
                       Qt.KeyboardModifier.NoModifier)  # fmt: skip
    QApplication.sendEvent(tokens, move)
    qtbot.mouseRelease(tokens, LEFT, pos=chip(tokens, 4))
    assert tokens.selected_tokens == TokenRange(2, 5)
    name = chip(tokens, 2) - QPoint(0, round(tokens._line_height_px / 2) - 3)
    qtbot.mouseClick(tokens, LEFT, pos=name)
    assert tokens.selected_tokens == TokenRange(2, 4), "the tokens of the span"
    qtbot.mouseClick(tokens, LEFT, pos=QPoint(2, 2))
    assert tokens.selected_tokens is None


def test_tokens_are_selected_with_the_keys(tokens: AlignedTokens, qtbot: QtBot) -> None:
    typed: list[str] = []
    tokens.name_typed.connect(typed.append)
    tokens.setFocus()
    qtbot.keyClick(tokens, Qt.Key.Key_S)
    assert typed == [], "without a selection the key is a shortcut of the window"
    qtbot.keyClick(tokens, Qt.Key.Key_Right)
    qtbot.keyClick(tokens, Qt.Key.Key_Right)
    qtbot.keyClick(tokens, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert tokens.selected_tokens == TokenRange(1, 3)
    qtbot.keyClick(tokens, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    assert tokens.selected_tokens == TokenRange(1, 5)
    qtbot.keyClick(tokens, Qt.Key.Key_S)
    qtbot.keyClick(tokens, Qt.Key.Key_Return)
    assert typed == ["s", ""]
    with qtbot.waitSignal(tokens.removal_requested):
        qtbot.keyClick(tokens, Qt.Key.Key_Delete)
    qtbot.keyClick(tokens, Qt.Key.Key_Escape)
    assert tokens.selected_tokens is None


def test_spans_are_told_and_the_answer_position_is_one(tokens: AlignedTokens) -> None:
    assert "spans: animal, END" in tokens.accessibleDescription()
    assert tokens._tool_tip(tokens.column_center(2)).endswith("span animal")
    narrow = RowInspection(
        PromptRow("a b", "a c"), ("a", "b"), ("a", "c"), ((0, 0), (1, 1)), clean_ranges=((0, 1), (2, 3))
    )
    tokens.show_inspection(narrow, [("a-long-name", 0, 1)])
    width = QFontMetricsF(tokens.font()).horizontalAdvance("a-long-name")
    assert tokens._column_rects(900)[0].width() > width, "the name of a span of one token is not cut"
