"""What the selected nodes are to write, and, among features, what everything outside the circuit has."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QLineEdit, QPushButton, QWidget

from circuitviz.document import State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import (
    COMPONENT_INTERVENTIONS,
    ERROR_MODES,
    FEATURE_INTERVENTIONS,
    OUTSIDE_VALUES,
    Intervention,
    parse_positions,
)
from circuitviz.panels.registry import adjust_form_fields
from circuitviz.workbench.prompt_evaluation import describe_mean

OWN_OUTPUT, OUT_OF_CIRCUIT = "its own output", "out of the circuit"
MAX_ACTIVATION = 1e6
MINUS_SIGNS = str.maketrans("-", "−")


class AblationForm(QWidget):
    """Rows that say what nodes write; for circuits of features other values, no positions, and a setting.

    ``wished(ablation, errors)``: a circuit of features is to be judged otherwise.
    """

    setting_chosen = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.nodes_label = QLabel("", wordWrap=True)
        self.value_box = QComboBox(accessibleName="What the selected nodes write")
        self.factor_field = QDoubleSpinBox(
            minimum=-10, maximum=10, singleStep=0.1, value=0.5, accessibleName="Factor"
        )
        self.factor_label = QLabel("factor")
        self.positions_field = QLineEdit(placeholderText="all; or 2, 5, −1", accessibleName="Positions")
        self.positions_field.setToolTip("from 0 at the first token; from −1 at the answer position backwards")
        self.apply_button = QPushButton("Apply", objectName="primary")
        self.ablation_box = QComboBox(accessibleName="Ablation of what is outside the circuit")
        self.errors_box = QComboBox(accessibleName="Reconstruction errors")
        self.errors_box.addItems(ERROR_MODES)
        self.errors_box.setToolTip("of the dictionaries: kept as they are, or left out of all measured runs")
        self._is_feature_circuit: bool | None = None
        self._build()
        self.value_box.currentTextChanged.connect(self._on_value_changed)
        for box in (self.ablation_box, self.errors_box):
            box.activated.connect(
                lambda _: self.setting_chosen.emit(
                    self.ablation_box.currentText(), self.errors_box.currentText()
                )
            )

    @property
    def chosen_value(self) -> str:
        """What is chosen: ``OWN_OUTPUT``, ``OUT_OF_CIRCUIT`` or the name of a value."""
        return self.value_box.currentText()

    def read_intervention(self) -> Intervention:
        """The value that is chosen; InputError on positions that are none."""
        name = self.chosen_value
        share = self.factor_field.value() if name in ("scale", "set") else 1.0
        positions = () if self._is_feature_circuit else parse_positions(self.positions_field.text())
        return Intervention(name, share, positions)

    def show_state(self, state: State, nodes: Collection[str]) -> None:
        """Speak of the chosen nodes of a state, and say what they write now."""
        self._set_circuit_kind(state.query)
        names = sorted(nodes)
        more = f" and {len(names) - 3} more" if names[3:] else ""
        self.nodes_label.setText(f"{', '.join(names[:3])}{more}" if names else "Select nodes on the canvas.")
        if state.is_prompt_circuit and state.circuit is not None:
            graph = state.circuit.graph
            if any(graph.node(n).kind.is_fixed for n in names):
                self.nodes_label.setText(
                    self.nodes_label.text() + "\nBiases and positions stay: the prompt says them not."
                )
        for widget in (self.value_box, self.apply_button):
            widget.setEnabled(bool(names))
        kinds = {state.interventions.get(name) for name in names}
        what = kinds.pop() if len(kinds) == 1 else None
        if names and set(names) <= state.ablated_nodes:
            self.value_box.setCurrentText(OUT_OF_CIRCUIT)
        elif what is not None:
            self.value_box.setCurrentText(what.value)
            if what.value in ("scale", "set"):
                self.factor_field.setValue(what.amount)
            self.positions_field.setText(", ".join(map(str, what.positions)).translate(MINUS_SIGNS))
        else:
            self.value_box.setCurrentText(OWN_OUTPUT)
        self._on_value_changed(self.chosen_value)

    def _set_circuit_kind(self, query: AttributionQuery | None) -> None:
        """Offer what suits heads, or features on a prompt with or without a corrupted partner."""
        of_features = query is not None
        if of_features != self._is_feature_circuit:
            self._is_feature_circuit = of_features
            out = "it takes its ablation value" if of_features else "all its edges carry their ablation value"
            offered = {
                OWN_OUTPUT: "as it is in the model",
                OUT_OF_CIRCUIT: out,
                **(FEATURE_INTERVENTIONS if of_features else COMPONENT_INTERVENTIONS),
            }
            self.value_box.clear()
            for name, tip in offered.items():
                self.value_box.addItem(name)
                self.value_box.setItemData(self.value_box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self._form_layout.setRowVisible(self.positions_field, not of_features)
            for row in (self.ablation_box, self.errors_box):
                self._form_layout.setRowVisible(row, of_features)
        if query is None:
            return
        paired = bool(query.corrupted)
        offered_now = [name for name in OUTSIDE_VALUES if paired or name != "corrupted"]
        if [self.ablation_box.itemText(i) for i in range(self.ablation_box.count())] != offered_now:
            self.ablation_box.clear()
            self.ablation_box.addItems(offered_now)
        self._set_value_enabled("corrupted", paired)
        self.ablation_box.setCurrentText(query.ablation)
        self.errors_box.setCurrentText(query.errors)
        why = "" if paired else "; this prompt has no corrupted partner, so zero and mean are there"
        self.ablation_box.setToolTip(
            f"what is out of the circuit has this instead; mean: over {describe_mean(query)}{why}"
        )

    def _set_value_enabled(self, name: str, enabled: bool) -> None:
        """Make a value choosable or not."""
        items = self.value_box.model()
        assert isinstance(items, QStandardItemModel)
        item = items.item(self.value_box.findText(name))
        item.setEnabled(enabled)
        item.setToolTip(FEATURE_INTERVENTIONS[name] if enabled else "this prompt has no corrupted partner")

    def _on_value_changed(self, name: str) -> None:
        usable, number = self.value_box.isEnabled(), name in ("scale", "set")
        self.factor_label.setText("activation" if name == "set" else "factor")
        self.factor_field.setAccessibleName("Activation" if name == "set" else "Factor")
        reach = MAX_ACTIVATION if name == "set" else 10.0
        self.factor_field.setRange(-reach, reach)
        self.factor_field.setEnabled(usable and number)
        self.positions_field.setEnabled(usable and name not in (OWN_OUTPUT, OUT_OF_CIRCUIT))

    def _build(self) -> None:
        self._form_layout = QFormLayout(self, verticalSpacing=8)
        self._form_layout.setContentsMargins(12, 10, 12, 10)
        self._form_layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form_layout.addRow(self.nodes_label)
        self._form_layout.addRow("writes", self.value_box)
        self._form_layout.addRow(self.factor_label, self.factor_field)
        self._form_layout.addRow("positions", self.positions_field)
        self._form_layout.addRow(self.apply_button)
        self._form_layout.addRow("ablation", self.ablation_box)
        self._form_layout.addRow("errors", self.errors_box)
        adjust_form_fields(self)
        for box in (self.value_box, self.ablation_box, self.errors_box):
            box.setMinimumContentsLength(10)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
