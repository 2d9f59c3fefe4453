"""The style sheet names only pictures that are shipped, and its large text follows the application's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.canvas.stylesheet import stylesheet
from circuitviz.scene.theme import THEMES


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_picture_of_the_sheet_is_there(qtbot: QtBot, theme: str) -> None:
    pictures = re.findall(r'url\("([^"]+)"\)', stylesheet(THEMES[theme]))
    assert len(pictures) >= 6
    for picture in pictures:
        assert Path(picture).is_file() and theme in Path(picture).name


def test_large_text_follows_the_applications(qtbot: QtBot) -> None:
    def sizes() -> list[int]:
        return [int(size) for size in re.findall(r"font-size: (\d+)px", stylesheet(THEMES["light"]))]

    before, usual = QGuiApplication.font(), sizes()
    larger = QGuiApplication.font()
    larger.setPixelSize(24)
    try:
        QApplication.setFont(larger)
        assert sizes() == [round(share * 24) for share in (1.35, 1.9, 2.8)]
    finally:
        QApplication.setFont(before)
    assert sizes() == usual
