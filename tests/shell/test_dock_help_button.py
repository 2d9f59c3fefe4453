"""The ``?`` in a dock's title bar opens the section of the help about its panel."""

from __future__ import annotations

import re

from opening import LONG
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels import panels
from circuitviz.resources import resource_path
from circuitviz.shell.dock_help_button import DockHelpButton
from circuitviz.shell.help_viewer import HelpViewer
from circuitviz.shell.main_window import MainWindow


def test_every_panel_has_a_section_of_the_help() -> None:
    page = resource_path("help", "panels.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert sorted(headings) == sorted(entry.extra["title"] for entry in panels.entries())


def test_the_button_of_every_dock_opens_its_section(window: MainWindow, qtbot: QtBot) -> None:
    for name, dock in window.docks.items():
        window.dock_manager.bring_to_front(name)
        (button,) = dock.findChildren(DockHelpButton)
        qtbot.waitUntil(
            lambda button=button: button.isVisible() and not button.visibleRegion().isEmpty(), timeout=LONG
        )
        assert button.accessibleName() == button.toolTip() == f"Help on {dock.windowTitle()}"
        assert dock.rect().contains(button.geometry()) and not button.geometry().intersects(
            window.panels[name]
            .geometry()
            .translated(window.panels[name].mapTo(dock, button.rect().topLeft()))
        )
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        (viewer,) = window.findChildren(HelpViewer)
        qtbot.waitUntil(lambda viewer=viewer, dock=dock: is_at_top(viewer, dock.windowTitle()), timeout=LONG)
        viewer.close()
        qtbot.waitUntil(lambda: not window.findChildren(HelpViewer), timeout=LONG)


def is_at_top(viewer: HelpViewer, heading: str) -> bool:
    """Whether a heading is the first line that is shown, or as far up as the page can be scrolled."""
    browser, bar = viewer.browser, viewer.browser.verticalScrollBar()
    block = browser.document().find(heading).block()
    while block.isValid() and not (block.blockFormat().headingLevel() and block.text() == heading):
        block = block.next()
    top = browser.document().documentLayout().blockBoundingRect(block).top()
    return abs(top - bar.value()) <= 1 or (bar.value() == bar.maximum() < top)
