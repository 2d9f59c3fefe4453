"""Room follows the text, and a panel behind a tab takes none from the canvas."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QFormLayout, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.font_scaling import (
    DockScrollArea,
    VerticalScrollArea,
    align_form_labels,
    fix_scaled_width,
    scale_pixels,
)


def _of(pixels: int) -> QFont:
    font = QFont(QApplication.font())
    font.setPixelSize(pixels)
    return font


@pytest.mark.parametrize(("text", "expected"), [(9, 200), (12, 200), (18, 300), (24, 400)])
def test_room_grows_with_text_and_never_shrinks(qtbot: QtBot, text: int, expected: int) -> None:
    widget = QLabel("words")
    qtbot.addWidget(widget)
    widget.setFont(_of(text))
    assert scale_pixels(widget, 200) == expected


def test_a_width_follows_the_font_while_running(qtbot: QtBot) -> None:
    widget = QLabel("words")
    qtbot.addWidget(widget)
    widget.setFont(_of(12))
    fix_scaled_width(widget, 100)
    assert widget.width() == 100
    widget.setFont(_of(24))
    assert widget.width() == 200


def test_a_column_is_never_narrower_than_its_content(qtbot: QtBot) -> None:
    inside = QWidget()
    form = QFormLayout(inside)
    field = QLineEdit()
    field.setMinimumWidth(300)
    form.addRow("field", field)
    column = VerticalScrollArea(inside, min_width_px=120)
    qtbot.addWidget(column)
    column.resize(column.minimumSizeHint())
    column.show()
    qtbot.waitExposed(column)
    assert column.viewport().width() >= inside.minimumSizeHint().width() > 300
    field.setMinimumWidth(400)
    qtbot.waitUntil(lambda: column.minimumSizeHint().width() > 400, timeout=20_000)


def test_fields_of_nested_forms_begin_at_one_line(qtbot: QtBot) -> None:
    whole, nested = QWidget(), QWidget()
    outer, inner = QFormLayout(whole), QFormLayout(nested)
    inner.setContentsMargins(12, 0, 0, 0)
    fields = [QSpinBox(), QSpinBox()]
    inner.addRow("a longer label than those above", fields[0])
    outer.addRow("label", fields[1])
    outer.addRow(nested)
    align_form_labels(outer, inner)
    qtbot.addWidget(whole)
    whole.show()
    qtbot.waitExposed(whole)
    left = {field.mapTo(whole, field.rect().topLeft()).x() for field in fields}
    assert len(left) == 1


def test_a_frame_asks_for_nothing_and_scrolls_what_does_not_fit(qtbot: QtBot) -> None:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.addWidget(QLabel("a line that is wrapped " * 20, wordWrap=True))
    wide = QWidget()
    wide.setMinimumSize(600, 300)
    column.addWidget(wide)
    frame = DockScrollArea(panel)
    qtbot.addWidget(frame)
    assert frame.minimumSizeHint().width() < 200
    frame.resize(400, 200)
    frame.show()
    qtbot.waitExposed(frame)
    qtbot.waitUntil(lambda: panel.width() >= 600, timeout=20_000)
    assert frame.horizontalScrollBar().maximum() > 0
    frame.resize(900, 700)
    qtbot.waitUntil(lambda: panel.size() == frame.viewport().size() == frame.size(), timeout=20_000)
    assert frame.horizontalScrollBar().maximum() == frame.verticalScrollBar().maximum() == 0
    wide.setMinimumWidth(1200)
    qtbot.waitUntil(lambda: frame.horizontalScrollBar().maximum() > 0, timeout=20_000)


def test_labels_of_a_form_that_scrolls_are_as_high_as_their_text(qtbot: QtBot) -> None:
    """Whatever was shown before, and with the scroll bar coming and going."""
    content, label = QWidget(), QLabel(wordWrap=True)
    form = QFormLayout(content)
    for number in range(8):
        form.addRow(f"Field {number}", QLineEdit())
        if number == 3:
            form.addRow(label)
    area = VerticalScrollArea(content)
    qtbot.addWidget(area)
    area.resize(260, 330)
    area.show()
    for number in [*range(4, 40), *range(40, 4, -3)]:
        label.setText("word of a hint " * number)
        qtbot.wait(2)
        assert label.height() >= label.heightForWidth(label.width()), number


def test_a_form_that_scrolls_comes_to_rest(qtbot: QtBot) -> None:
    """Laying it out asks for no further layout: the event loop would never be idle."""
    content = QWidget()
    form = QFormLayout(content)
    form.addRow(QLabel("a hint that is wrapped " * 6, wordWrap=True))
    area = VerticalScrollArea(content)
    qtbot.addWidget(area)
    area.resize(160, 200)
    area.show()
    qtbot.wait(50)

    class Counter(QObject):
        requests = 0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            self.requests += event.type() is QEvent.Type.LayoutRequest
            return False

    counter = Counter()
    content.installEventFilter(counter)
    for _ in range(20):
        QApplication.processEvents()
    assert counter.requests == 0
