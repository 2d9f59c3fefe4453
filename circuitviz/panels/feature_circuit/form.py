"""The form of a question: which prompt, which target, which way of tracing it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QLineEdit, QSpinBox, QWidget

from circuitviz.panels.registry import inset_numbers
from circuitviz.session.question import DIFFERENCE, DIRECT, GRAPH, HIERARCHICAL, Question

TARGETS = {
    "node": ("Feature, neuron or head", "m3.f12@7 (at position 7), m3.n45@7 or a1.h2@7"),
    "token": ("Next token", "a token as it stands after the prompt, with its space:  Mary"),
    DIFFERENCE: ("Logit difference", ""),
    "": ("Likely next tokens", ""),
}
METHODS = {
    HIERARCHICAL: ("Hierarchical attribution", "what each node gives through all paths of kept nodes"),
    DIRECT: ("Direct attribution", "what each node gives to the target itself"),
    GRAPH: ("Attribution graph", "which nodes matter to the logits, by influence"),
}
GATES = {
    "signed": ("Signed", "keeps nodes whose attribution is above the threshold"),
    "absolute": ("Absolute", "keeps nodes whose |attribution| is, also those that take away"),
}
Pairs = Sequence[tuple[str, str, tuple[str, ...], tuple[str, ...]]]


class QuestionForm(QWidget):
    """``shares_changed``: the shares of an attribution graph, which need no new rows."""

    shares_changed = Signal()
    method_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.prompt = QComboBox(editable=True, accessibleName="Prompt")
        self.prompt.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.kind = _box(TARGETS, "Kind of target")
        self.target = QLineEdit(accessibleName="Target")
        self.correct = QLineEdit(placeholderText="correct tokens:  Mary", accessibleName="Correct tokens")
        self.incorrect = QLineEdit(
            placeholderText="incorrect tokens:  John| Tom", accessibleName="Incorrect tokens"
        )
        self.method = _box(METHODS, "Method")
        self.gate = _box(GATES, "Gate")
        self.nodes = QSpinBox(minimum=1, maximum=2000, value=60, accessibleName="Number of nodes")
        self.nodes.setToolTip("about so many nodes; the threshold is found from it")
        self.node_share = _share(0.8, "Share of nodes", "of all influence, held by the nodes that are kept")
        self.edge_share = _share(0.98, "Share of edges", "of the influence on edges, held by those kept")
        self.pairs: Pairs = ()
        self._base = Question("", "")
        self._build()
        self.kind.currentIndexChanged.connect(self._show_fields)
        self.method.currentIndexChanged.connect(self._method_chosen)
        self.prompt.activated.connect(self._pair_chosen)
        for field in (self.node_share, self.edge_share):
            field.valueChanged.connect(lambda _value: self.shares_changed.emit())
        self._show_fields()

    def question(self, model: str, dictionaries: tuple[str, ...]) -> Question:
        """What the form asks; what it does not show (sites, exact tokens) is as in what it was shown."""
        prompt, kind, before = self.prompt.currentText(), self.kind.currentData(), self._base
        pair = next((pair for pair in self.pairs if pair[0] == prompt), None)
        same = prompt == before.prompt and model == before.model
        typed = self.target.text()
        return Question(
            model=model,
            prompt=prompt,
            target={"node": typed.strip(), "token": typed}.get(kind, kind),
            method=self.method.currentData(),
            gate=self.gate.currentData(),
            nodes=self.nodes.value(),
            corrupted=before.corrupted if same else pair[1] if pair else "",
            correct=_tokens(self.correct) if kind == DIFFERENCE else (),
            incorrect=_tokens(self.incorrect) if kind == DIFFERENCE else (),
            sites=before.sites if model == before.model and dictionaries == before.dictionaries else None,
            dictionaries=dictionaries,
            errors=before.errors,
            bos=before.bos if same else None,
            tokens=before.tokens if same else (),
            node_share=self.node_share.value(),
            edge_share=self.edge_share.value(),
        )

    def show_question(self, question: Question) -> None:
        """Show what a document answers, or what is about to be asked."""
        self._base = question
        self.prompt.setEditText(question.prompt)
        line = self.prompt.lineEdit()
        if line is not None:
            line.setCursorPosition(0)
        for box, value in ((self.method, question.method), (self.gate, question.gate)):
            box.setCurrentIndex(box.findData(value))
        if question.target in ("", DIFFERENCE):
            kind = question.target
        else:
            kind = "node" if "@" in question.target else "token"
        self.kind.setCurrentIndex(self.kind.findData(kind))
        if kind in ("node", "token"):
            self.target.setText(question.target)
        if question.correct:
            self.correct.setText("|".join(question.correct))
            self.incorrect.setText("|".join(question.incorrect))
        if question.nodes is not None:
            self.nodes.setValue(question.nodes)
        for field, share in ((self.node_share, question.node_share), (self.edge_share, question.edge_share)):
            field.blockSignals(True)
            field.setValue(share)
            field.blockSignals(False)

    def offer(self, prompts: Sequence[str], pairs: Pairs) -> None:
        """Prompts to choose from; pairs: with what belongs to them, where they are a task's."""
        typed = self.prompt.currentText()
        self.pairs = pairs
        self.prompt.clear()
        self.prompt.addItems(list(dict.fromkeys(prompts)))
        self.prompt.setEditText(typed or (prompts[0] if prompts else ""))

    def replaced(self, question: Question) -> Question:
        """A question with the shares that the form shows now."""
        return replace(question, node_share=self.node_share.value(), edge_share=self.edge_share.value())

    def _build(self) -> None:
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.form = QFormLayout(self, verticalSpacing=7, labelAlignment=left)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setContentsMargins(12, 8, 12, 4)
        self.form.addRow(QLabel("Prompt", objectName="muted"))
        self.form.addRow(self.prompt)
        self.form.addRow("Method", self.method)
        self.form.addRow("Target", self.kind)
        for field in (self.target, self.correct, self.incorrect):
            self.form.addRow("", field)
        self.form.addRow("Gate", self.gate)
        self.form.addRow("Nodes", self.nodes)
        self.form.addRow("Node share", self.node_share)
        self.form.addRow("Edge share", self.edge_share)
        for box in (self.prompt, self.kind, self.method, self.gate):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        inset_numbers(self)

    def _show_fields(self) -> None:
        kind, graph = self.kind.currentData(), self.method.currentData() == GRAPH
        shown = {
            self.target: kind in ("node", "token"),
            self.correct: kind == DIFFERENCE,
            self.incorrect: kind == DIFFERENCE,
            self.gate: not graph,
            self.nodes: not graph,
            self.node_share: graph,
            self.edge_share: graph,
        }
        for field, seen in shown.items():
            self.form.setRowVisible(field, seen)
        self.target.setPlaceholderText(TARGETS.get(kind, ("", ""))[1])
        self.target.setToolTip(TARGETS.get(kind, ("", ""))[1])

    def _method_chosen(self) -> None:
        """An attribution graph is of logits; the other methods have one target."""
        graph, kind = self.method.currentData() == GRAPH, self.kind.currentData()
        if graph and kind in ("node", "token"):
            self.kind.setCurrentIndex(self.kind.findData(""))
        if not graph and kind == "":
            self.kind.setCurrentIndex(self.kind.findData("node"))
        self._show_fields()
        self.method_changed.emit()

    def _pair_chosen(self) -> None:
        """A prompt of a task brings its answers."""
        text = self.prompt.currentText()
        pair = next((pair for pair in self.pairs if pair[0] == text), None)
        if pair is not None:
            self.correct.setText("|".join(pair[2]))
            self.incorrect.setText("|".join(pair[3]))


def _box(entries: Mapping[str, tuple[str, str]], name: str) -> QComboBox:
    made = QComboBox(accessibleName=name)
    for row, (value, (text, tip)) in enumerate(entries.items()):
        made.addItem(text, value)
        made.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
    return made


def _share(value: float, name: str, tip: str) -> QDoubleSpinBox:
    made = QDoubleSpinBox(minimum=0.01, maximum=1.0, singleStep=0.05, decimals=2, accessibleName=name)
    made.setValue(value)
    made.setToolTip(tip)
    made.setKeyboardTracking(False)
    return made


def _tokens(field: QLineEdit) -> tuple[str, ...]:
    return tuple(part for part in field.text().split("|") if part)
