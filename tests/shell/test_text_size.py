"""Text follows the system's size while the window is open, at the share that a person chose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from stalls import Watch

from circuitviz.shell.main_window import MainWindow


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    kept = QFont(qapp.font())
    yield qapp
    qapp.setFont(kept)


def grow(app: QApplication, share: float) -> None:
    """What the platform does when somebody changes the desktop's text size."""
    font = QFont(app.font())
    font.setPointSizeF(font.pointSizeF() * share)
    app.setFont(font)


@pytest.mark.stalls
def test_the_systems_text_size_is_followed(
    app: QApplication, open_window, qtbot: QtBot, steady: Watch
) -> None:
    window: MainWindow = open_window()
    labels = [label for label in window.findChildren(QLabel) if label.font().pointSizeF() > 0]
    before, size = app.font().pointSizeF(), labels[0].font().pointSizeF()
    steady.timed("another text size", lambda: grow(app, 1.4))
    qtbot.waitUntil(lambda: labels[0].font().pointSizeF() == pytest.approx(1.4 * size), timeout=30_000)
    assert window.font().pointSizeF() == pytest.approx(1.4 * before)
    window.settings.text_size = 150
    try:
        window.theme_controller.apply_settings()
        assert app.font().pointSizeF() == pytest.approx(1.5 * 1.4 * before)
        other: MainWindow = open_window()
        assert other.isVisible()
        window.theme_controller.apply_settings()  # another window of ours is not the system
        assert app.font().pointSizeF() == pytest.approx(1.5 * 1.4 * before)
    finally:
        window.settings.text_size = 100
    window.theme_controller.apply_settings()
    assert app.font().pointSizeF() == pytest.approx(1.4 * before)
