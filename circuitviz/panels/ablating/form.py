"""What the selected nodes are to write, and, among features, what everything outside the circuit has."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QLineEdit, QPushButton, QWidget

from circuitviz.graph import ERRORS, OF_FEATURES, OUTSIDE, VALUES, Intervention, parse_positions
from circuitviz.panels.registry import inset_numbers
from circuitviz.session import State, mean_of
from circuitviz.session.question import Question

OWN, OUT = "its own output", "out of the circuit"
WIDEST = 1e6
MINUS = str.maketrans("-", "−")


class AblationForm(QWidget):
    """Rows that say what nodes write; for circuits of features other values, no positions, and a setting.

    ``wished(ablation, errors)``: a circuit of features is to be judged otherwise.
    """

    wished = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.who = QLabel("", wordWrap=True)
        self.value = QComboBox(accessibleName="What the selected nodes write")
        self.share = QDoubleSpinBox(
            minimum=-10, maximum=10, singleStep=0.1, value=0.5, accessibleName="Factor"
        )
        self.unit = QLabel("factor")
        self.positions = QLineEdit(placeholderText="all; or 2, 5, −1", accessibleName="Positions")
        self.positions.setToolTip("from 0 at the first token; from −1 at the answer position backwards")
        self.apply = QPushButton("Apply", objectName="primary")
        self.ablation = QComboBox(accessibleName="Ablation of what is outside the circuit")
        self.errors = QComboBox(accessibleName="Reconstruction errors")
        self.errors.addItems(ERRORS)
        self.errors.setToolTip("of the dictionaries: kept as they are, or left out of all measured runs")
        self._of_features: bool | None = None
        self._build()
        self.value.currentTextChanged.connect(self._kind_chosen)
        for box in (self.ablation, self.errors):
            box.activated.connect(
                lambda _: self.wished.emit(self.ablation.currentText(), self.errors.currentText())
            )

    @property
    def wish(self) -> str:
        """What is chosen: ``OWN``, ``OUT`` or the name of a value."""
        return self.value.currentText()

    def intervention(self) -> Intervention:
        """The value that is chosen; InputError on positions that are none."""
        name = self.wish
        share = self.share.value() if name in ("scale", "set") else 1.0
        positions = () if self._of_features else parse_positions(self.positions.text())
        return Intervention(name, share, positions)

    def show_state(self, state: State, chosen: Collection[str]) -> None:
        """Speak of the chosen nodes of a state, and say what they write now."""
        question = Question.of(state.provenance)
        self._set_kind(question)
        names = sorted(chosen)
        more = f" and {len(names) - 3} more" if names[3:] else ""
        self.who.setText(f"{', '.join(names[:3])}{more}" if names else "Select nodes on the canvas.")
        if question is not None and state.circuit is not None:
            graph = state.circuit.graph
            if any(graph.node(n).kind.is_fixed for n in names):
                self.who.setText(self.who.text() + "\nBiases and positions stay: the prompt says them not.")
        for widget in (self.value, self.apply):
            widget.setEnabled(bool(names))
        kinds = {state.interventions.get(name) for name in names}
        what = kinds.pop() if len(kinds) == 1 else None
        if names and set(names) <= state.ablated_nodes:
            self.value.setCurrentText(OUT)
        elif what is not None:
            self.value.setCurrentText(what.value)
            if what.value in ("scale", "set"):
                self.share.setValue(what.share)
            self.positions.setText(", ".join(map(str, what.positions)).translate(MINUS))
        else:
            self.value.setCurrentText(OWN)
        self._kind_chosen(self.wish)

    def _set_kind(self, question: Question | None) -> None:
        """Offer what suits heads, or features on a prompt with or without a corrupted partner."""
        of_features = question is not None
        if of_features != self._of_features:
            self._of_features = of_features
            out = "it takes its ablation value" if of_features else "all its edges carry their ablation value"
            offered = {OWN: "as it is in the model", OUT: out, **(OF_FEATURES if of_features else VALUES)}
            self.value.clear()
            for name, tip in offered.items():
                self.value.addItem(name)
                self.value.setItemData(self.value.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self._form.setRowVisible(self.positions, not of_features)
            for row in (self.ablation, self.errors):
                self._form.setRowVisible(row, of_features)
        if question is None:
            return
        paired = bool(question.corrupted)
        offered_now = [name for name in OUTSIDE if paired or name != "corrupted"]
        if [self.ablation.itemText(i) for i in range(self.ablation.count())] != offered_now:
            self.ablation.clear()
            self.ablation.addItems(offered_now)
        self._offer("corrupted", paired)
        self.ablation.setCurrentText(question.ablation)
        self.errors.setCurrentText(question.errors)
        why = "" if paired else "; this prompt has no corrupted partner, so zero and mean are there"
        self.ablation.setToolTip(
            f"what is out of the circuit has this instead; mean: over {mean_of(question)}{why}"
        )

    def _offer(self, name: str, there: bool) -> None:
        """Make a value choosable or not."""
        items = self.value.model()
        assert isinstance(items, QStandardItemModel)
        item = items.item(self.value.findText(name))
        item.setEnabled(there)
        item.setToolTip(OF_FEATURES[name] if there else "this prompt has no corrupted partner")

    def _kind_chosen(self, name: str) -> None:
        usable, number = self.value.isEnabled(), name in ("scale", "set")
        self.unit.setText("activation" if name == "set" else "factor")
        self.share.setAccessibleName("Activation" if name == "set" else "Factor")
        reach = WIDEST if name == "set" else 10.0
        self.share.setRange(-reach, reach)
        self.share.setEnabled(usable and number)
        self.positions.setEnabled(usable and name not in (OWN, OUT))

    def _build(self) -> None:
        self._form = QFormLayout(self, verticalSpacing=8)
        self._form.setContentsMargins(12, 10, 12, 10)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(self.who)
        self._form.addRow("writes", self.value)
        self._form.addRow(self.unit, self.share)
        self._form.addRow("positions", self.positions)
        self._form.addRow(self.apply)
        self._form.addRow("ablation", self.ablation)
        self._form.addRow("errors", self.errors)
        inset_numbers(self)
        for box in (self.value, self.ablation, self.errors):
            box.setMinimumContentsLength(10)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
