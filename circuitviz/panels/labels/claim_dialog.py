"""Dialog that adds a claim to a label: the test, its options and the claim in words, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QLabel, QLineEdit, QWidget

from circuitviz import tasks
from circuitviz.document import Evidence
from circuitviz.evaluation import claims
from circuitviz.options import Option, build_options
from circuitviz.panels.widgets.fields import make_form
from circuitviz.panels.widgets.file_dialogs import ask_open_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.tasks import counterfactuals
from circuitviz.workspace.user_settings import UserSettings

FILE_CHOICE = "a file…"
TOKEN_PLACES = ("END", "IO", "S1", "S2", "S1+1", "END-1")
TEST_TITLES = {
    "answer": "the answer",
    "attention": "attention",
    "role": "a role's standard test",
    "activation": "activating inputs",
    "feature-effect": "effect of the feature",
}


class ClaimDialog(QDialog):
    """Chooses a test and its options; the claim's text follows the options until it is edited.

    Args:
        choices: Registered tests by name: summary and options.
        task_name: Task of the circuit.
        parent: Window that the dialog belongs to.
        has_pairs: Whether the circuit has pairs of clean and corrupted prompts; a prompt circuit without
            them borrows those of a task.
    """

    def __init__(
        self,
        choices: Mapping[str, tuple[str, tuple[Option, ...]]],
        task_name: str,
        parent: QWidget,
        settings: UserSettings,
        has_pairs: bool = True,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Add a test")
        self._claims, self._task_name, self._has_pairs = choices, task_name, has_pairs
        self.test_box = ComboBox(accessibleName="Test")
        self.test_summary = QLabel("", objectName="muted", wordWrap=True)
        self.options_form = OptionForm()
        self.pairs_label = QLabel("", objectName="muted", wordWrap=True)
        self.pairs_label.setMinimumHeight(2 * self.pairs_label.fontMetrics().lineSpacing() + 4)
        self.pairs_label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.claim_field = QLineEdit(accessibleName="Claim")
        self.button_box = QDialogButtonBox()
        self.accept_button = self.button_box.addButton("Add and run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.accept_button.setObjectName("primary")
        self.button_box.addButton(QDialogButtonBox.StandardButton.Cancel)
        for name in choices:
            self.test_box.addItem(TEST_TITLES.get(name, name), name)
        form = make_form()
        form.addRow("Test", self.test_box)
        lay_out_column(
            form,
            self.test_summary,
            self.options_form,
            self.pairs_label,
            QLabel("The claim, in words", objectName="heading"),
            self.claim_field,
            1,
            self.button_box,
            parent=self,
            spacing=10,
            margins=(16, 14, 16, 14),
        )
        self.setMinimumWidth(460)
        self.button_box.accepted.connect(self.accept)
        self.button_box.rejected.connect(self.reject)
        self.test_box.currentIndexChanged.connect(self._on_test_changed)
        self._is_claim_edited = False
        self.claim_field.textEdited.connect(self._on_claim_edited)
        self._on_test_changed()

    @property
    def test_name(self) -> str:
        """Name of the chosen test."""
        return str(self.test_box.currentData(Qt.ItemDataRole.UserRole))

    def build_evidence(self) -> Evidence:
        """The claim with its test and options, not run yet."""
        return Evidence(
            self.claim_field.text().strip() or self._claim_text(), self.test_name, self.options_form.values()
        )

    def _on_test_changed(self) -> None:
        summary, options = self._claims[self.test_name]
        self.test_summary.setText(f"{summary[0].upper()}{summary[1:]}.")
        pairs = [*counterfactuals.list_counterfactuals(self._task_name), FILE_CHOICE]
        if any(option.name == "where" for option in options):  # a test of features, which any pairs suit
            pairs = [
                *(counterfactuals.list_counterfactuals(self._task_name) if self._has_pairs else ()),
                *counterfactuals.list_other_task_pairs(self._task_name),
                FILE_CHOICE,
            ]
        offered = {
            "counterfactual": pairs,
            "query": TOKEN_PLACES,
            "key": TOKEN_PLACES,
            "where": ("all", "own", *TOKEN_PLACES),
        }
        self.options_form.set_options(options, offered)
        if isinstance(field := self.options_form.fields.get("counterfactual"), QComboBox):
            field.setCurrentText(pairs[0])
        for field in self.options_form.fields.values():
            for signal in ("currentTextChanged", "textChanged", "valueChanged", "toggled"):
                if hasattr(field, signal):
                    getattr(field, signal).connect(self._on_options_changed)
        self._on_options_changed()
        self.adjustSize()

    def _on_claim_edited(self, text: str) -> None:
        self._is_claim_edited = bool(text.strip())

    def _on_options_changed(self, *_values: object) -> None:
        pairs = self.options_form.fields.get("counterfactual")
        if isinstance(pairs, QComboBox) and pairs.currentText() == FILE_CHOICE:
            path = ask_open_file(self, "Pairs of prompts", "Pairs (*.jsonl *.csv)", "tasks", self._settings)
            pairs.setCurrentText(pairs.itemText(0) if path is None else str(path))
            return
        self.pairs_label.setText(
            _describe_counterfactual(str(self.options_form.values().get("counterfactual", "")))
        )
        self.pairs_label.setVisible(bool(self.pairs_label.text()))
        if not self._is_claim_edited:
            self.claim_field.setText(self._claim_text())
            self.claim_field.setCursorPosition(0)

    def _claim_text(self) -> str:
        entry = claims.claim_tests.get(self.test_name)
        return str(entry.extra["says"](build_options(entry.options, self.options_form.values())))


def _describe_counterfactual(counterfactual: str) -> str:
    """One sentence on how a counterfactual differs from the clean prompt."""
    if counterfactual == counterfactuals.TASK_PAIRS:
        return "paired: the circuit's corrupted prompts."
    if counterfactual in tasks.tasks.names():
        return f"{counterfactual}: {tasks.tasks.get(counterfactual).summary}."
    if counterfactual in counterfactuals.counterfactuals.names():
        return f"{counterfactual}: {counterfactuals.counterfactuals.get(counterfactual).summary}."
    return (
        "A file: CSV or JSONL with columns clean, corrupted, correct and incorrect." if counterfactual else ""
    )
