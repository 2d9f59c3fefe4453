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

from circuitviz.panels.figures import choose_plot_to_export
from circuitviz.panels.readings.registry import ReadingPage, reading_pages
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.prompt_selector import PromptSelector
from circuitviz.scene.theme import Theme
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
    """A button for each page; only the page in front reads."""

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
        group = QButtonGroup(self)
        top = QHBoxLayout(spacing=0)
        top.setContentsMargins(8, 6, 12, 2)
        for entry in sorted(reading_pages.entries(), key=lambda e: float(e.extra["order"])):
            page = entry.value(workspace)
            button = QToolButton(text=entry.extra["title"], checkable=True, toolTip=entry.summary)
            button.clicked.connect(partial(self.show_page, entry.name))
            group.addButton(button)
            top.addWidget(button)
            page.hover_text_changed.connect(self.hover_line.setText)
            self.stack.addWidget(page)
            self.pages_by_name[entry.name], self.page_buttons[entry.name] = page, button
        top.addStretch(1)
        self.prompt_box = PromptSelector(workspace)
        self.prompt_box.setMinimumWidth(100)  # the pages' buttons come first where there is little room
        top.addWidget(self.prompt_box, 4)
        foot = QHBoxLayout(spacing=8)
        foot.setContentsMargins(12, 2, 12, 6)
        foot.addWidget(self.hover_line, 1)
        foot.addWidget(self.copy_button)
        foot.addWidget(self.export_button)
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(top)
        whole.addWidget(self.stack, 1)
        whole.addLayout(foot)
        self.show_page(next(iter(self.pages_by_name)))

    @property
    def current_page(self) -> ReadingPage:
        """The page in front."""
        return next(p for p in self.pages_by_name.values() if p is self.stack.currentWidget())

    def refresh_on_show(self) -> None:
        """The page in front reads what it did not follow while nobody looked."""
        self.current_page.catch_up()

    def show_page(self, name: str, _on: bool = True) -> None:
        """Bring a page to the front."""
        self.page_buttons[name].setChecked(True)
        self.hover_line.setText("")
        self.stack.setCurrentWidget(self.pages_by_name[name])

    def inspect_command(self) -> str:
        """The command line that prints what is shown."""
        path = str(self.workspace.document.path or "circuit.circuit")
        return shlex.join(
            ["circuitviz", "inspect", path, "--reading", *self.current_page.inspect_arguments()]
        )

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in self.pages_by_name.values():
            page.set_theme(theme)

    def _export_plot(self) -> None:
        choose_plot_to_export(
            self,
            self.workspace,
            self.export_button,
            self.current_page.exportable_plots(),
            self.inspect_command(),
        )
