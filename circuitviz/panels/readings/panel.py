"""Readings panel: one page at a time, with a choice of the prompt and export."""

from __future__ import annotations

import shlex
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QToolButton, QWidget

from circuitviz.panels.figures import ExportButton
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.readings.registered_page import RegisteredReadingPage
from circuitviz.panels.readings.registry import ReadingPage, reading_pages
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.prompt_selector import PromptSelector
from circuitviz.panels.widgets.themed_widget import apply_theme
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workspace.workspace import Workspace


@panels.register(
    "readings",
    summary="attention, logit lens and patching on one prompt",
    title="Readings",
    area="bottom",
    place="inspect",
    order=0.5,
)
class ReadingsPanel(Panel):
    """One button per page; only the page in front requests readings."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.pages_by_name: dict[str, ReadingPage] = {}
        self.page_buttons: dict[str, QToolButton] = {}
        self.stack = QStackedWidget()
        self.hover_line = ElidedLabel()
        self.export_button = ExportButton(
            workspace, lambda: self.current_page.exportable_plots(), self.inspect_command
        )
        self.copy_button = QPushButton(
            "Copy command", toolTip="copy the command line that prints these numbers"
        )
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.inspect_command()))
        self._button_group = QButtonGroup(self)
        halves = QWidget(), QWidget()
        rows = [lay_out_row(parent=half, spacing=0) for half in halves]
        entries = sorted(reading_pages.entries(), key=lambda e: float(e.extra["order"]))
        for number, entry in enumerate(entries):
            button = self._add_page(entry.name, entry.extra["title"], entry.summary, entry.value(workspace))
            rows[number * len(rows) // len(entries)].addWidget(button)
        for row in rows:
            row.addStretch(1)
        buttons = FoldingRow(*halves, stretches=(0, 1), spacing=0)
        self.prompt_box = PromptSelector(workspace)
        self.prompt_box.setMinimumWidth(88)  # the pages' buttons come first where there is little room
        top = FoldingRow(buttons, self.prompt_box, stretches=(0, 1), spacing=4, margins=(2, 6, 12, 2))
        self._registered_row = QHBoxLayout(spacing=0)
        self._registered_row.setContentsMargins(8, 0, 12, 0)
        foot = lay_out_row(
            (self.hover_line, 1), self.copy_button, self.export_button, spacing=8, margins=(12, 2, 12, 6)
        )
        lay_out_column(top, self._registered_row, (self.stack, 1), foot, parent=self, spacing=0)
        self.show_page(next(iter(self.pages_by_name)))
        workspace.catalog_received.connect(self._add_registered_readings)

    @property
    def current_page(self) -> ReadingPage:
        """The page in front."""
        return next(p for p in self.pages_by_name.values() if p is self.stack.currentWidget())

    def refresh_on_show(self) -> None:
        """Let the page in front catch up with changes made while the panel was hidden."""
        self.current_page.catch_up()

    def missing_step(self) -> MissingStep | None:
        """Readings are of an open model."""
        return model_step(self.workspace, "Readings")

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

    def _add_page(self, name: str, title: str, summary: str, page: ReadingPage) -> QToolButton:
        button = QToolButton(text=title, checkable=True, toolTip=summary)
        button.clicked.connect(partial(self.show_page, name))
        self._button_group.addButton(button)
        page.hover_text_changed.connect(self.hover_line.setText)
        self.stack.addWidget(page)
        self.pages_by_name[name], self.page_buttons[name] = page, button
        return button

    def _add_registered_readings(self, choices: Catalog) -> None:
        """Add the readings without a page of their own in a second row; they come once torch is loaded."""
        if choices.readings and not self._registered_row.count():
            self._registered_row.addStretch(1)
        for name, choice in choices.readings.items():
            if name not in self.pages_by_name:
                page = RegisteredReadingPage(self.workspace, name, choice)
                apply_theme(page, self.theme)
                button = self._add_page(name, choice.title, choice.summary, page)
                self._registered_row.insertWidget(self._registered_row.count() - 1, button)
