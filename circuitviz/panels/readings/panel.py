"""Readings panel: one page at a time, with a choice of the prompt and export."""

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

from circuitviz.panels.figures import choose_plot_to_export
from circuitviz.panels.readings.registered_page import RegisteredReadingPage
from circuitviz.panels.readings.registry import ReadingPage, reading_pages
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.prompt_selector import PromptSelector
from circuitviz.scene.theme import Theme
from circuitviz.workbench.requests.load_choices import Choices
from circuitviz.workspace.workspace import Workspace


@panels.register(
    "readings",
    summary="attention, logit lens and patching on one prompt",
    title="Readings",
    area="bottom",
    order=0.5,
    height=390,
)
class ReadingsPanel(Panel):
    """One button per page; only the page in front requests readings."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.pages_by_name: dict[str, ReadingPage] = {}
        self.page_buttons: dict[str, QToolButton] = {}
        self.stack = QStackedWidget()
        self.hover_line = ElidedLabel()
        self.export_button = QPushButton(
            "Export…", toolTip="export the plot as a figure, or its numbers as CSV"
        )
        self.export_button.clicked.connect(self._export_plot)
        self.copy_button = QPushButton(
            "Copy command", toolTip="copy the command line that prints these numbers"
        )
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.inspect_command()))
        self._button_group = QButtonGroup(self)
        top = QHBoxLayout(spacing=0)
        top.setContentsMargins(8, 6, 12, 2)
        for entry in sorted(reading_pages.entries(), key=lambda e: float(e.extra["order"])):
            button = self._add_page(entry.name, entry.extra["title"], entry.summary, entry.value(workspace))
            top.addWidget(button)
        top.addStretch(1)
        self.prompt_box = PromptSelector(workspace)
        self.prompt_box.setMinimumWidth(100)  # the pages' buttons come first where there is little room
        top.addWidget(self.prompt_box, 4)
        self._registered_row = QHBoxLayout(spacing=0)
        self._registered_row.setContentsMargins(8, 0, 12, 0)
        foot = QHBoxLayout(spacing=8)
        foot.setContentsMargins(12, 2, 12, 6)
        foot.addWidget(self.hover_line, 1)
        foot.addWidget(self.copy_button)
        foot.addWidget(self.export_button)
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(top)
        whole.addLayout(self._registered_row)
        whole.addWidget(self.stack, 1)
        whole.addLayout(foot)
        self.show_page(next(iter(self.pages_by_name)))
        workspace.catalog_received.connect(self._add_registered_readings)

    @property
    def current_page(self) -> ReadingPage:
        """The page in front."""
        return next(p for p in self.pages_by_name.values() if p is self.stack.currentWidget())

    def refresh_on_show(self) -> None:
        """Let the page in front catch up with changes made while the panel was hidden."""
        self.current_page.catch_up()

    def show_page(self, name: str, _on: bool = True) -> None:
        """Bring a page to the front."""
        self.page_buttons[name].setChecked(True)
        self.hover_line.setText("")
        self.stack.setCurrentWidget(self.pages_by_name[name])

    def inspect_command(self) -> str:
        """The command line that prints the shown numbers."""
        path = str(self.workspace.document.path or "circuit.circuit")
        return shlex.join(
            ["circuitviz", "inspect", path, "--reading", *self.current_page.inspect_arguments()]
        )

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in self.pages_by_name.values():
            page.set_theme(theme)

    def _add_page(self, name: str, title: str, summary: str, page: ReadingPage) -> QToolButton:
        button = QToolButton(text=title, checkable=True, toolTip=summary)
        button.clicked.connect(partial(self.show_page, name))
        self._button_group.addButton(button)
        page.hover_text_changed.connect(self.hover_line.setText)
        self.stack.addWidget(page)
        self.pages_by_name[name], self.page_buttons[name] = page, button
        return button

    def _add_registered_readings(self, choices: Choices) -> None:
        """Add the readings without a page of their own in a second row; they come once torch is loaded."""
        if choices.readings and not self._registered_row.count():
            self._registered_row.addStretch(1)
        for name, choice in choices.readings.items():
            if name not in self.pages_by_name:
                page = RegisteredReadingPage(self.workspace, name, choice)
                page.set_theme(self.current_page.theme)
                button = self._add_page(name, choice.title, choice.summary, page)
                self._registered_row.insertWidget(self._registered_row.count() - 1, button)

    def _export_plot(self) -> None:
        choose_plot_to_export(
            self,
            self.workspace,
            self.export_button,
            self.current_page.exportable_plots(),
            self.inspect_command(),
        )
