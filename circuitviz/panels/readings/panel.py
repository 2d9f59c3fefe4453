"""The dock of readings: one page at a time, a prompt to choose, a line that reads out, export."""

from __future__ import annotations

import shlex
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.canvas.theme import Theme
from circuitviz.panels.desk import Desk
from circuitviz.panels.figures import export_one_of
from circuitviz.panels.line import Line
from circuitviz.panels.prompt_box import PromptBox
from circuitviz.panels.readings.registry import Page, pages
from circuitviz.panels.registry import Panel, panels


@panels.register(
    "readings", summary="a prompt in the model", title="Readings", area="bottom", order=0.5, height=390
)
class ReadingsPanel(Panel):
    """A button for each page; only the page in front reads."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.by_name: dict[str, Page] = {}
        self.buttons: dict[str, QToolButton] = {}
        self.stack = QStackedWidget()
        self.note = Line()
        self.export = QPushButton("Export…", toolTip="the picture as a figure, its numbers as CSV")
        self.export.clicked.connect(self._ask_export)
        self.copy = QPushButton("Copy command", toolTip="the command line that prints these numbers")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command()))
        group = QButtonGroup(self)
        top = QHBoxLayout(spacing=0)
        top.setContentsMargins(8, 6, 12, 2)
        for entry in sorted(pages.entries(), key=lambda e: float(e.extra["order"])):
            page = entry.value(desk)
            button = QToolButton(text=entry.extra["title"], checkable=True, toolTip=entry.summary)
            button.clicked.connect(partial(self.show_page, entry.name))
            group.addButton(button)
            top.addWidget(button)
            page.read.connect(self.note.setText)
            self.stack.addWidget(page)
            self.by_name[entry.name], self.buttons[entry.name] = page, button
        top.addStretch(1)
        self.prompt = PromptBox(desk)
        self.prompt.setMinimumWidth(100)  # the pages' buttons come first where there is little room
        top.addWidget(self.prompt, 4)
        foot = QHBoxLayout(spacing=8)
        foot.setContentsMargins(12, 2, 12, 6)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.copy)
        foot.addWidget(self.export)
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(top)
        whole.addWidget(self.stack, 1)
        whole.addLayout(foot)
        self.show_page(next(iter(self.by_name)))

    @property
    def page(self) -> Page:
        """The page in front."""
        return next(p for p in self.by_name.values() if p is self.stack.currentWidget())

    def catch_up(self) -> None:
        """The page in front reads what it did not follow while nobody looked."""
        self.page.catch_up()

    def show_page(self, name: str, _on: bool = True) -> None:
        """Bring a page to the front."""
        self.buttons[name].setChecked(True)
        self.note.setText("")
        self.stack.setCurrentWidget(self.by_name[name])

    def command(self) -> str:
        """The command line that prints what is shown."""
        path = str(self.desk.document.path or "circuit.circuit")
        return shlex.join(["circuitviz", "inspect", path, "--reading", *self.page.command()])

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in self.by_name.values():
            page.set_theme(theme)

    def _ask_export(self) -> None:
        export_one_of(self, self.desk, self.export, self.page.pictures(), self.command())
