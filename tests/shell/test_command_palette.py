"""The palette is left also where the field that had the focus is gone."""

from __future__ import annotations

from opening import LONG
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow


def test_the_palette_is_left_though_the_field_before_it_is_gone(window: MainWindow, qtbot: QtBot) -> None:
    form = window.panels["discovery"]
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)  # the worker lists the methods
    form.method_box.setCurrentText("eap-ig")
    next(iter(form.option_form.fields.values())).setFocus()
    window.command_palette.open_palette()
    form.method_box.setCurrentText("acdc")  # its options have fields of their own
    window.command_palette.close_palette()
    assert not window.command_palette.isVisible()
