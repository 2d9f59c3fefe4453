"""Compare panel: the open circuit against another circuit, methods, tasks and models."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QLabel, QPushButton, QTabWidget, QWidget

from circuitviz.panels.compare.methods_page import MethodsPage
from circuitviz.panels.compare.other_models_page import OtherModelsPage
from circuitviz.panels.compare.parts_page import PartsPage
from circuitviz.panels.compare.reuse_page import ReusePage
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.fields import browse_button
from circuitviz.panels.widgets.file_dialogs import ask_open_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workspace.workspace import Workspace


@panels.register(
    "compare", summary="compare two circuits", title="Compare", area="bottom", place="compare", order=2.5
)
class ComparePanel(Panel):
    """Chooses the circuit to compare with; one page for each kind of comparison."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.reference_box = ComboBox(accessibleName="Compare with")
        self.reference_box.setMinimumWidth(230)
        self.browse_button = browse_button("open a circuit file to compare with", self._browse_circuit)
        self.keep_button = QPushButton("Add this circuit", toolTip="add this circuit to the comparison")
        self.parts_page, self.methods_page = PartsPage(workspace), MethodsPage(workspace)
        self.reuse_page, self.other_models_page = ReusePage(workspace), OtherModelsPage(workspace)
        self.pages = (self.parts_page, self.methods_page, self.reuse_page, self.other_models_page)
        self.tabs = QTabWidget(documentMode=True)
        for page in self.pages:
            self.tabs.addTab(page, page.title)
        chosen, kept = QWidget(), QWidget()
        lay_out_row(
            QLabel("Compare with"), (self.reference_box, 1), self.browse_button, parent=chosen, spacing=6
        )
        lay_out_row(self.keep_button, 1, parent=kept)
        row = FoldingRow(chosen, kept, stretches=(0, 1), spacing=6)
        lay_out_column(row, (self.tabs, 1), parent=self, spacing=4, margins=(12, 8, 12, 6))
        self.reference_box.currentTextChanged.connect(workspace.comparison.choose_circuit)
        self.keep_button.clicked.connect(self._keep_circuit)
        workspace.comparison.changed.connect(self._update_choices)
        workspace.state_changed.connect(self.refresh_when_visible(self._update_choices))
        workspace.document_opened.connect(self._update_choices)
        self._update_choices()

    def refresh_on_show(self) -> None:
        """Redraw the current page; it is updated only while it is visible."""
        self.pages[self.tabs.currentIndex()].refresh()

    def is_applicable(self) -> bool:
        """Whether there is a second circuit."""
        return bool(self.workspace.comparison.matching_names())

    def missing_step(self) -> MissingStep | None:
        """A second circuit has to be there."""
        if self.is_applicable():
            return None
        return MissingStep(
            "There is no second circuit of this model. Open a file, or add this circuit and change it.",
            "Open a circuit…",
            self._browse_circuit,
        )

    def _keep_circuit(self) -> None:
        self.workspace.post_message(
            f"Added to the comparison: {self.workspace.comparison.add_open_circuit()}"
        )

    def _update_choices(self) -> None:
        """Offer the circuits that can be compared with the open one; the first is chosen by default."""
        comparison = self.workspace.comparison
        names = comparison.matching_names()
        with QSignalBlocker(self.reference_box):
            if names != [self.reference_box.itemText(i) for i in range(self.reference_box.count())]:
                self.reference_box.clear()
                self.reference_box.addItems(names)
            self.reference_box.setCurrentIndex(self.reference_box.findText(comparison.chosen_name))
        if comparison.chosen_name not in names and comparison.chosen_name != (names[0] if names else ""):
            comparison.choose_circuit(names[0] if names else "")
            return  # the comparison has changed, and this method was called again
        self.keep_button.setEnabled(self.workspace.document.state.live_circuit is not None)
        for page in self.pages:
            page.refresh()

    def _browse_circuit(self) -> None:
        path = ask_open_file(
            self, "Open a circuit", "Circuits (*.circuit *.json)", "circuits", self.workspace.user_settings
        )
        if path is not None:
            self.workspace.comparison.add_file(path)
