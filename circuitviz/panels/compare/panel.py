"""Compare panel: the open circuit against another circuit, methods, tasks and models."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.panels.compare.methods_page import MethodsPage
from circuitviz.panels.compare.other_models_page import OtherModelsPage
from circuitviz.panels.compare.parts_page import PartsPage
from circuitviz.panels.compare.reuse_page import ReusePage
from circuitviz.panels.registry import Panel, panels
from circuitviz.scene.theme import Theme
from circuitviz.workspace.workspace import Workspace


@panels.register(
    "compare", summary="compare two circuits", title="Compare", area="bottom", order=2.5, height=340
)
class ComparePanel(Panel):
    """Chooses the circuit to compare with; one page for each kind of comparison."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.reference_box = QComboBox(accessibleName="Compare with")
        self.reference_box.setMinimumWidth(230)
        browse = "open a circuit file to compare with"
        self.browse_button = QToolButton(text="…", toolTip=browse, accessibleName=browse)
        self.keep_button = QPushButton("Add this circuit", toolTip="add this circuit to the comparison")
        self.parts_page, self.methods_page = PartsPage(workspace), MethodsPage(workspace)
        self.reuse_page, self.other_models_page = ReusePage(workspace), OtherModelsPage(workspace)
        self.tabs = QTabWidget(documentMode=True)
        for page in (self.parts_page, self.methods_page, self.reuse_page, self.other_models_page):
            self.tabs.addTab(page, page.title)
        row = QHBoxLayout(spacing=6)
        row.addWidget(QLabel("Compare with"))
        for widget in (self.reference_box, self.browse_button, self.keep_button):
            row.addWidget(widget)
        row.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 6)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self.tabs, 1)
        self.reference_box.currentTextChanged.connect(workspace.comparison.choose_circuit)
        self.browse_button.clicked.connect(self._browse_circuit)
        self.keep_button.clicked.connect(self._keep_circuit)
        workspace.comparison.changed.connect(self._update_choices)
        workspace.state_changed.connect(self.refresh_when_visible(self._update_choices))
        workspace.document_opened.connect(self._update_choices)
        self._update_choices()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in (self.parts_page, self.methods_page, self.reuse_page, self.other_models_page):
            page.set_theme(theme)

    def refresh_on_show(self) -> None:
        """Redraw the current page; it is updated only while it is visible."""
        self.tabs.currentWidget().refresh()  # type: ignore[attr-defined]

    def _keep_circuit(self) -> None:
        self.workspace.post_message(
            f"Added to the comparison: {self.workspace.comparison.add_open_circuit()}"
        )

    def _update_choices(self) -> None:
        """Offer the circuits that can be compared with the open one; the first is chosen by default."""
        beside = self.workspace.comparison
        names = beside.matching_names()
        if names != [self.reference_box.itemText(i) for i in range(self.reference_box.count())]:
            self.reference_box.blockSignals(True)
            self.reference_box.clear()
            self.reference_box.addItems(names)
            self.reference_box.blockSignals(False)
        if beside.chosen_name not in names and beside.chosen_name != (names[0] if names else ""):
            beside.choose_circuit(names[0] if names else "")
            return  # it has told everybody, this panel too
        self.reference_box.blockSignals(True)
        self.reference_box.setCurrentIndex(
            names.index(beside.chosen_name) if beside.chosen_name in names else -1
        )
        self.reference_box.blockSignals(False)
        self.keep_button.setEnabled(self.workspace.document.state.live_circuit is not None)
        for page in (self.parts_page, self.methods_page, self.reuse_page, self.other_models_page):
            page.refresh()

    def _browse_circuit(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a circuit", "", "Circuits (*.circuit *.json)")
        if path:
            self.workspace.comparison.add_file(Path(path))
