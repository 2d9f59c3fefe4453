"""Numbers out of range become the limit, with a note, whatever is typed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QLineEdit, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.number_fields import DecimalField, IntegerField


@pytest.fixture
def form(qtbot: QtBot) -> QWidget:
    made = QWidget()
    QVBoxLayout(made).addWidget(QLineEdit())
    qtbot.addWidget(made)
    yield made
    QToolTip.hideText()


def type_number(field: IntegerField | DecimalField, form: QWidget, qtbot: QtBot, text: str) -> None:
    form.layout().addWidget(field)
    form.show()
    form.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("typed", "value"), [("1000", 500), ("99999999999", 500), ("3", 10), ("-7", 10), ("120", 120)]
)
def test_whole_numbers(form: QWidget, qtbot: QtBot, typed: str, value: int) -> None:
    field = IntegerField(minimum=10, maximum=500, value=60)
    type_number(field, form, qtbot, typed)
    assert field.value() == value
    if typed == str(value):
        assert not QToolTip.text()
    else:
        assert str(value) in QToolTip.text() and QToolTip.isVisible()


@pytest.mark.parametrize(("typed", "value"), [("7.5", 1.0), ("0.001", 0.01), ("0.256", 0.26), ("0.5", 0.5)])
def test_decimal_numbers(form: QWidget, qtbot: QtBot, typed: str, value: float) -> None:
    field = DecimalField(minimum=0.01, maximum=1.0, decimals=2, value=0.8)
    type_number(field, form, qtbot, typed)
    assert field.value() == pytest.approx(value)
    assert bool(QToolTip.text()) == (float(typed) != value)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("0,5", 0.5), ("12,25", 12.25), ("1,000.5", 1000.5), ("1,234,567", 5000), ("0,005", 0.01)],
)
@pytest.mark.parametrize("locale", [QLocale.c(), QLocale("en_US")], ids=["c", "en_US"])
def test_a_comma_is_a_decimal_point_except_before_groups_of_three(
    form: QWidget, qtbot: QtBot, locale: QLocale, typed: str, value: float
) -> None:
    field = DecimalField(minimum=0.01, maximum=5000.0, decimals=2, value=0.8)
    field.setLocale(locale)
    type_number(field, form, qtbot, typed)
    assert field.value() == pytest.approx(value)


def test_the_number_is_set_when_the_focus_leaves_too(form: QWidget, qtbot: QtBot) -> None:
    field = IntegerField(minimum=1, maximum=50, value=5, suffix=" px")
    form.layout().addWidget(field)
    form.show()
    form.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    field.selectAll()
    qtbot.keyClicks(field, "777")
    form.findChild(QLineEdit).setFocus()
    assert field.value() == 50 and field.text() == "50 px"


def test_words_are_refused(form: QWidget, qtbot: QtBot) -> None:
    field = IntegerField(minimum=1, maximum=50, value=5)
    type_number(field, form, qtbot, "ab")
    assert field.value() == 5
