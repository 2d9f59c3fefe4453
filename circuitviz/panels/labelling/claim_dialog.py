"""A claim in words and its test side by side, so that what is said is what is tested."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from circuitviz.options import Option, build
from circuitviz.panels.option_form import OptionForm
from circuitviz.session import Evidence

FILE = "a file…"
PLACES = ("END", "IO", "S1", "S2", "S1+1", "END-1")
NAMES = {
    "answer": "the answer",
    "attention": "attention",
    "role": "a role's standard test",
    "activation": "what it fires on",
    "feature-effect": "what follows from it",
}


class ClaimDialog(QDialog):
    """Test, its options, and the claim; the words follow the options until they are edited by hand.

    ``paired``: whether the circuit has pairs of its own; one of a single prompt borrows those of a task.
    """

    def __init__(
        self,
        claims: Mapping[str, tuple[str, tuple[Option, ...]]],
        task: str,
        parent: QWidget,
        paired: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add a test")
        self._claims, self._task, self._paired = claims, task, paired
        self.test = QComboBox(accessibleName="Test")
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.options = OptionForm()
        self.pairs = QLabel("", objectName="muted", wordWrap=True)
        self.pairs.setMinimumHeight(2 * self.pairs.fontMetrics().lineSpacing() + 4)
        self.pairs.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.claim = QLineEdit(accessibleName="Claim")
        self.buttons = QDialogButtonBox()
        self.ok = self.buttons.addButton("Add and run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setObjectName("primary")
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        for name in claims:
            self.test.addItem(NAMES.get(name, name), name)
        form = QFormLayout(verticalSpacing=8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Test", self.test)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 14, 16, 14)
        whole.setSpacing(10)
        whole.addLayout(form)
        whole.addWidget(self.about)
        whole.addWidget(self.options)
        whole.addWidget(self.pairs)
        whole.addWidget(QLabel("The claim, in words", objectName="heading"))
        whole.addWidget(self.claim)
        whole.addStretch(1)
        whole.addWidget(self.buttons)
        self.setMinimumWidth(460)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.test.currentIndexChanged.connect(self._chosen)
        self._edited = False
        self.claim.textEdited.connect(self._typed)
        self._chosen()

    @property
    def name(self) -> str:
        """The chosen test's name."""
        return str(self.test.currentData(Qt.ItemDataRole.UserRole))

    def evidence(self) -> Evidence:
        """What was chosen; only options that differ between tests of the same kind are words."""
        return Evidence(self.claim.text().strip() or self._said(), self.name, self.options.values())

    def _chosen(self) -> None:
        from circuitviz.tasks.counterfactuals import elsewhere, suited

        summary, options = self._claims[self.name]
        self.about.setText(f"{summary[0].upper()}{summary[1:]}.")
        pairs = [*suited(self._task), FILE]
        if any(option.name == "where" for option in options):  # a test of features, which any pairs suit
            pairs = [*(suited(self._task) if self._paired else ()), *elsewhere(self._task), FILE]
        offered = {"counterfactual": pairs, "query": PLACES, "key": PLACES, "where": ("all", "own", *PLACES)}
        self.options.set_options(options, offered)
        if isinstance(field := self.options.fields.get("counterfactual"), QComboBox):
            field.setCurrentText(pairs[0])
        for field in self.options.fields.values():
            for signal in ("currentTextChanged", "textChanged", "valueChanged", "toggled"):
                if hasattr(field, signal):
                    getattr(field, signal).connect(self._follow)
        self._follow()
        self.adjustSize()

    def _typed(self, text: str) -> None:
        self._edited = bool(text.strip())

    def _follow(self, *_told: object) -> None:
        pairs = self.options.fields.get("counterfactual")
        if isinstance(pairs, QComboBox) and pairs.currentText() == FILE:
            path, _ = QFileDialog.getOpenFileName(self, "Pairs of prompts", "", "Pairs (*.jsonl *.csv)")
            pairs.setCurrentText(path or pairs.itemText(0))
            return
        self.pairs.setText(_about(str(self.options.values().get("counterfactual", ""))))
        self.pairs.setVisible(bool(self.pairs.text()))
        if not self._edited:
            self.claim.setText(self._said())
            self.claim.setCursorPosition(0)

    def _said(self) -> str:
        from circuitviz.evaluation.claims import claims

        entry = claims.get(self.name)
        return str(entry.extra["says"](build(entry.options, self.options.values())))


def _about(counterfactual: str) -> str:
    """What a counterfactual changes."""
    from circuitviz.tasks import tasks
    from circuitviz.tasks.counterfactuals import PAIRED, counterfactuals

    if counterfactual == PAIRED:
        return "paired: the circuit's own corrupted prompts."
    if counterfactual in tasks.names():
        return f"{counterfactual}: {tasks.get(counterfactual).summary}."
    if counterfactual in counterfactuals.names():
        return f"{counterfactual}: {counterfactuals.get(counterfactual).summary}."
    return "A file: CSV or JSONL with clean, corrupted, correct, incorrect." if counterfactual else ""
