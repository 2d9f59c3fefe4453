"""Form of an attribution query: prompt, target and attribution method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QWidget

from circuitviz.document.attribution_query import (
    ATTRIBUTION_GRAPH,
    DIRECT_ATTRIBUTION,
    HEADS_ATTENTION,
    HIERARCHICAL_ATTRIBUTION,
    LOGIT_DIFF_TARGET,
    NEURON_COUNT,
    OWN_CONVENTION,
    TRANSPARENT_ATTENTION,
    AttributionQuery,
)
from circuitviz.panels.widgets.fields import adjust_form_fields, let_shrink, make_form
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.number_fields import DecimalField, IntegerField

TARGET_KINDS = {
    "node": ("Feature, neuron or head", "m3.f12@7 (at position 7), m3.n45@7 or a1.h2@7"),
    "token": ("Next token", "the next token, with its leading space:  Mary"),
    LOGIT_DIFF_TARGET: ("Logit difference", ""),
    "": ("Likely next tokens", ""),
}
METHOD_CHOICES = {
    HIERARCHICAL_ATTRIBUTION: (
        "Hierarchical attribution",
        "effect of each node through all paths of kept nodes",
    ),
    DIRECT_ATTRIBUTION: ("Direct attribution", "direct effect of each node on the target"),
    ATTRIBUTION_GRAPH: ("Attribution graph", "influence of each node on the logits"),
}
BASIS_CHOICES = {
    "features": ("Features", "features of the open dictionaries; edges pass through heads without one"),
    "heads": ("Features and heads", "features; of attention without a dictionary, heads"),
    "neurons": (
        "Neurons and heads",
        "heads, and MLP neurons of largest attribution; no dictionary needed",
    ),
}
GATE_CHOICES = {
    "signed": ("Signed", "keep nodes whose attribution exceeds the threshold"),
    "absolute": ("Absolute", "keep nodes whose |attribution| exceeds the threshold, negative ones too"),
}
TaskPairs = Sequence[tuple[str, str, tuple[str, ...], tuple[str, ...]]]


class AttributionQueryForm(QWidget):
    """Edits an attribution query.

    Signals: ``shares_changed()``: node or edge share of an attribution graph, which needs no new attribution;
    ``method_changed()``; ``changed()``: prompt, target or method, also while it is typed.

    Args:
        fault_line: Says what is wrong with the target, below it.
    """

    shares_changed = Signal()
    method_changed = Signal()
    changed = Signal()

    def __init__(self, fault_line: QLabel) -> None:
        super().__init__()
        self._fault_line = fault_line
        self.prompt_box = ComboBox(editable=True, accessibleName="Prompt")
        self.prompt_box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.target_kind_box = _choice_box(TARGET_KINDS, "Kind of target")
        self.target_field = QLineEdit(accessibleName="Target")
        self.correct_field = QLineEdit(
            placeholderText="correct tokens:  Mary", accessibleName="Correct tokens"
        )
        self.incorrect_field = QLineEdit(
            placeholderText="incorrect tokens:  John| Tom", accessibleName="Incorrect tokens"
        )
        self.method_box = _choice_box(METHOD_CHOICES, "Method")
        self.basis_box = _choice_box(BASIS_CHOICES, "Basis")
        self.neuron_count_field = IntegerField(
            minimum=1, maximum=100_000, value=NEURON_COUNT, accessibleName="Number of neurons"
        )
        self.neuron_count_field.setToolTip(
            "neurons that are nodes, over all layers and positions; an MLP's other neurons are one error node"
        )
        self.dictionary_hint = QLabel(
            "No dictionary of this model is open: SAEs and transcoders are opened in Features, or trained in "
            "Training.",
            objectName="muted",
            wordWrap=True,
        )
        self.gate_box = _choice_box(GATE_CHOICES, "Gate")
        self.node_count_field = IntegerField(
            minimum=1, maximum=2000, value=60, accessibleName="Number of nodes"
        )
        self.node_count_field.setToolTip("approximate number of nodes; determines the threshold")
        self.contributor_count_field = IntegerField(
            minimum=0, maximum=1000, value=0, accessibleName="Number of contributors"
        )
        self.contributor_count_field.setToolTip(
            "nodes that are added because they make heads attend where they do: attribution holds attention "
            "patterns, so they have no edges otherwise"
        )
        self.node_share_field = _share_field(
            0.8, "Share of nodes", "share of all influence held by the kept nodes"
        )
        self.edge_share_field = _share_field(
            0.98, "Share of edges", "share of the influence on edges held by the kept edges"
        )
        self.task_pairs: TaskPairs = ()
        self._base_query = AttributionQuery("", "")
        self._has_dictionaries = True
        self._build()
        self.target_kind_box.currentIndexChanged.connect(self._update_visible_fields)
        self.method_box.currentIndexChanged.connect(self._on_method_changed)
        self.basis_box.currentIndexChanged.connect(self._update_visible_fields)
        self.prompt_box.activated.connect(self._on_prompt_chosen)
        for field in (self.node_share_field, self.edge_share_field):
            field.valueChanged.connect(lambda _value: self.shares_changed.emit())
        for text in (self.target_field, self.correct_field, self.incorrect_field):
            text.textChanged.connect(lambda _text: self.changed.emit())
        for box in (self.prompt_box, self.target_kind_box, self.method_box):
            box.currentTextChanged.connect(lambda _text: self.changed.emit())
        self._update_visible_fields()

    def read_query(self, model: str, dictionaries: tuple[str, ...]) -> AttributionQuery:
        """The query as entered; fields that the form does not show are taken from the query shown before."""
        prompt = self.prompt_box.currentText()
        target_kind = self.target_kind_box.currentData()
        shown_query = self._base_query
        pair = next((pair for pair in self.task_pairs if pair[0] == prompt), None)
        is_same_prompt = prompt == shown_query.prompt and model == shown_query.model
        typed_target = self.target_field.text()
        sites, neurons, attention = self._read_basis(model, dictionaries)
        return AttributionQuery(
            model=model,
            prompt=prompt,
            target={"node": typed_target.strip(), "token": typed_target}.get(target_kind, target_kind),
            method=self.method_box.currentData(),
            gate=self.gate_box.currentData(),
            nodes=self.node_count_field.value(),
            contributors=self.contributor_count_field.value() if self._has_contributors else 0,
            corrupted=shown_query.corrupted if is_same_prompt else pair[1] if pair else "",
            correct=_read_tokens(self.correct_field) if target_kind == LOGIT_DIFF_TARGET else (),
            incorrect=_read_tokens(self.incorrect_field) if target_kind == LOGIT_DIFF_TARGET else (),
            sites=sites,
            neurons=neurons,
            attention=attention,
            convention=shown_query.convention if is_same_prompt else OWN_CONVENTION,
            dictionaries=dictionaries,
            errors=shown_query.errors,
            bos=shown_query.bos if is_same_prompt else None,
            tokens=shown_query.tokens if is_same_prompt else (),
            node_share=self.node_share_field.value(),
            edge_share=self.edge_share_field.value(),
        )

    def _read_basis(
        self, model: str, dictionaries: tuple[str, ...]
    ) -> tuple[tuple[str, ...] | None, int, str]:
        """The sites, the number of neurons and the attention mode of the query as entered."""
        basis = self.basis_box.currentData()
        if basis == "neurons":
            return (), self.neuron_count_field.value(), HEADS_ATTENTION
        attention = HEADS_ATTENTION if basis == "heads" else TRANSPARENT_ATTENTION
        shown = self._base_query
        is_same = (model, dictionaries) == (shown.model, shown.dictionaries)
        if is_same and shown.needs_dictionaries:
            return shown.sites, shown.neurons, attention
        return None, 0, attention

    @property
    def _has_contributors(self) -> bool:
        return bool(self.method_box.currentData() == HIERARCHICAL_ATTRIBUTION)

    @property
    def is_filled(self) -> bool:
        """Whether a prompt and a target are there, right or wrong."""
        texts = {
            "node": self.target_field.text().strip(),
            "token": self.target_field.text(),
            LOGIT_DIFF_TARGET: self.correct_field.text() and self.incorrect_field.text(),
        }
        kind = self.target_kind_box.currentData()
        return bool(self.prompt_box.currentText().strip() and texts.get(kind, kind == ""))

    def show_query(self, query: AttributionQuery) -> None:
        """Show a query in the fields."""
        self._base_query = query
        self._show_prompt(query.prompt)
        for box, value in ((self.method_box, query.method), (self.gate_box, query.gate)):
            box.setCurrentIndex(box.findData(value))
        basis = "heads" if query.attention == HEADS_ATTENTION else "features"
        basis = basis if query.needs_dictionaries else "neurons"
        self.basis_box.setCurrentIndex(self.basis_box.findData(basis))
        if basis == "neurons":
            self.neuron_count_field.setValue(query.neurons or NEURON_COUNT)
        if query.target in ("", LOGIT_DIFF_TARGET):
            kind = query.target
        else:
            kind = "node" if "@" in query.target else "token"
        self.target_kind_box.setCurrentIndex(self.target_kind_box.findData(kind))
        if kind in ("node", "token"):
            self.target_field.setText(query.target)
        if query.correct:
            self.correct_field.setText("|".join(query.correct))
            self.incorrect_field.setText("|".join(query.incorrect))
        if query.nodes is not None:
            self.node_count_field.setValue(query.nodes)
        self.contributor_count_field.setValue(query.contributors)
        for field, share in (
            (self.node_share_field, query.node_share),
            (self.edge_share_field, query.edge_share),
        ):
            field.blockSignals(True)
            field.setValue(share)
            field.blockSignals(False)

    def set_has_dictionaries(self, has_dictionaries: bool) -> None:
        """Offer features only where there are dictionaries, and say where they come from."""
        if has_dictionaries is not self._has_dictionaries:
            self._has_dictionaries = has_dictionaries
            model = self.basis_box.model()
            assert isinstance(model, QStandardItemModel)
            for basis in ("features", "heads"):
                model.item(self.basis_box.findData(basis)).setEnabled(has_dictionaries)
            basis = "features" if has_dictionaries else "neurons"
            self.basis_box.setCurrentIndex(self.basis_box.findData(basis))
        self._update_visible_fields()

    def set_prompts(self, prompts: Sequence[str], task_pairs: TaskPairs) -> None:
        """Offer prompts.

        Args:
            prompts: Prompts to choose from.
            task_pairs: Of a task: clean prompt, corrupted prompt, correct and incorrect answers.
        """
        typed = self.prompt_box.currentText()
        self.task_pairs = task_pairs
        self.prompt_box.clear()
        self.prompt_box.addItems(list(dict.fromkeys(prompts)))
        self._show_prompt(typed or (prompts[0] if prompts else ""))

    def _show_prompt(self, prompt: str) -> None:
        """Show a prompt from its beginning on."""
        self.prompt_box.setEditText(prompt)
        line = self.prompt_box.lineEdit()
        if line is not None:
            line.setCursorPosition(0)

    def with_current_shares(self, query: AttributionQuery) -> AttributionQuery:
        """Returns a query with the node and edge share of the form."""
        return replace(
            query, node_share=self.node_share_field.value(), edge_share=self.edge_share_field.value()
        )

    def _build(self) -> None:
        self.form_layout = make_form(self, vertical_spacing=7)
        self.form_layout.setContentsMargins(12, 8, 12, 4)
        self.form_layout.addRow(QLabel("Prompt", objectName="muted"))
        self.form_layout.addRow(self.prompt_box)
        self.form_layout.addRow("Method", self.method_box)
        self.form_layout.addRow("Basis", self.basis_box)
        self.form_layout.addRow("Neurons", self.neuron_count_field)
        self.form_layout.addRow(self.dictionary_hint)
        self.form_layout.addRow("Target", self.target_kind_box)
        for field in (self.target_field, self.correct_field, self.incorrect_field):
            self.form_layout.addRow("", field)
        self.form_layout.addRow(self._fault_line)
        self.form_layout.addRow("Gate", self.gate_box)
        self.form_layout.addRow("Nodes", self.node_count_field)
        self.form_layout.addRow("Contributors", self.contributor_count_field)
        self.form_layout.addRow("Node share", self.node_share_field)
        self.form_layout.addRow("Edge share", self.edge_share_field)
        let_shrink(self.prompt_box, self.target_kind_box, self.method_box, self.basis_box, self.gate_box)
        adjust_form_fields(self)

    def _update_visible_fields(self) -> None:
        kind, graph = self.target_kind_box.currentData(), self.method_box.currentData() == ATTRIBUTION_GRAPH
        is_visible = {
            self.neuron_count_field: self.basis_box.currentData() == "neurons",
            self.dictionary_hint: not self._has_dictionaries,
            self.target_field: kind in ("node", "token"),
            self.correct_field: kind == LOGIT_DIFF_TARGET,
            self.incorrect_field: kind == LOGIT_DIFF_TARGET,
            self.gate_box: not graph,
            self.node_count_field: not graph,
            self.contributor_count_field: self._has_contributors,
            self.node_share_field: graph,
            self.edge_share_field: graph,
        }
        for field, visible in is_visible.items():
            self.form_layout.setRowVisible(field, visible)
        self.target_field.setPlaceholderText(TARGET_KINDS.get(kind, ("", ""))[1])
        self.target_field.setToolTip(TARGET_KINDS.get(kind, ("", ""))[1])

    def _on_method_changed(self) -> None:
        """Switch to a kind of target that the method supports: an attribution graph explains logits."""
        graph, kind = self.method_box.currentData() == ATTRIBUTION_GRAPH, self.target_kind_box.currentData()
        if graph and kind in ("node", "token"):
            self.target_kind_box.setCurrentIndex(self.target_kind_box.findData(""))
        if not graph and kind == "":
            self.target_kind_box.setCurrentIndex(self.target_kind_box.findData("node"))
        self._update_visible_fields()
        self.method_changed.emit()

    def _on_prompt_chosen(self) -> None:
        """Fill in the answers of a task's prompt."""
        text = self.prompt_box.currentText()
        pair = next((pair for pair in self.task_pairs if pair[0] == text), None)
        if pair is not None:
            self.correct_field.setText("|".join(pair[2]))
            self.incorrect_field.setText("|".join(pair[3]))


def _choice_box(choices: Mapping[str, tuple[str, str]], name: str) -> QComboBox:
    box = ComboBox(accessibleName=name)
    for row, (value, (text, tip)) in enumerate(choices.items()):
        box.addItem(text, value)
        box.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
    texts = [f"{text}: {tip}" for text, tip in choices.values()]  # whole also where a scroll bar takes room
    box.currentIndexChanged.connect(lambda row: box.setToolTip(texts[row]))
    box.setToolTip(texts[box.currentIndex()])
    return box


def _share_field(value: float, name: str, tip: str) -> DecimalField:
    field = DecimalField(minimum=0.01, maximum=1.0, singleStep=0.05, decimals=2, accessibleName=name)
    field.setValue(value)
    field.setToolTip(tip)
    field.setKeyboardTracking(False)
    return field


def _read_tokens(field: QLineEdit) -> tuple[str, ...]:
    return tuple(token for token in field.text().split("|") if token)
