"""Form of steering: which nodes are changed and how, where, and how tokens are chosen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget

from circuitviz.errors import InputError
from circuitviz.graph import STEERING_ACTIONS, Intervention, SteeringQuery, parse_positions
from circuitviz.graph.steering import MAX_GENERATED_TOKENS, STEERED_TOKENS, parse_strengths
from circuitviz.panels.widgets.fields import adjust_form_fields, choice_box, let_shrink, make_form
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import DecimalField, IntegerField

FORM_WIDTH_PX = 264
NO_NODES = (
    "Name what to steer: a feature (m2.f12), a neuron (m2.n34), a head (a1.h2), an MLP (m3) or a direction "
    "(resid4)."
)


class SteeringForm(QWidget):
    """Edits a query about steering.

    Signals: ``steer_requested()``, ``cancel_requested()``, and ``changed()``: another field or text.

    Args:
        fault_line: Says what is wrong with the form.
    """

    steer_requested = Signal()
    cancel_requested = Signal()
    changed = Signal()

    def __init__(self, fault_line: QLabel) -> None:
        super().__init__()
        self.fault_line = fault_line
        self.prompt_field = QLineEdit(
            accessibleName="Prompt", placeholderText="The text that is gone on with"
        )
        self.nodes_field = QLineEdit(placeholderText="m2.f12, a1.h2", accessibleName="Nodes to steer")
        self.nodes_field.setToolTip(
            "features (m2.f12), neurons (m2.n34), heads (a1.h2), MLPs (m3), directions (resid4)"
        )
        self.action_box = choice_box("How to steer", *STEERING_ACTIONS)
        for row, meaning in enumerate(STEERING_ACTIONS.values()):
            self.action_box.setItemData(row, meaning, Qt.ItemDataRole.ToolTipRole)
        self.action_box.setCurrentText("add")
        self.strengths_field = QLineEdit("2, 4", accessibleName="Strengths", toolTip="a text for each")
        self.toward_field = QLineEdit(accessibleName="Text that the direction points to")
        self.away_field = QLineEdit(accessibleName="Text that the direction points away from")
        self.tokens_box = choice_box("Steered tokens", *STEERED_TOKENS)
        for row, meaning in enumerate(STEERED_TOKENS.values()):
            self.tokens_box.setItemData(row, meaning, Qt.ItemDataRole.ToolTipRole)
        self.positions_field = QLineEdit(accessibleName="Positions", placeholderText="all of these")
        self.positions_field.setToolTip("for example 0, 5, -1: -1 is the last token of the prompt")
        self.max_tokens_field = IntegerField(
            minimum=1, maximum=MAX_GENERATED_TOKENS, value=40, accessibleName="Number of tokens"
        )
        self.temperature_field = DecimalField(
            minimum=0, maximum=10, value=0, singleStep=0.1, decimals=2, accessibleName="Temperature"
        )
        self.temperature_field.setToolTip("0: the likeliest token; else tokens are drawn")
        let_shrink(self.action_box, self.tokens_box)
        self.seed_field = IntegerField(minimum=0, maximum=2**31 - 1, value=0, accessibleName="Seed")
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self.steer_button = QPushButton("Steer", objectName="primary")
        self.cancel_button = QPushButton("Cancel", toolTip="what is written stays on the screen")
        self._build()
        for field in (
            self.prompt_field, self.nodes_field, self.strengths_field, self.positions_field,
            self.toward_field, self.away_field,
        ):  # fmt: skip
            field.returnPressed.connect(self.steer_button.click)
            field.textChanged.connect(self._on_changed)
        for box in (self.action_box, self.tokens_box):
            box.currentTextChanged.connect(self._on_changed)
        self.max_tokens_field.valueChanged.connect(self._on_changed)
        self.temperature_field.valueChanged.connect(self._on_changed)
        self.steer_button.clicked.connect(self.steer_requested)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self._on_changed()
        self.set_running(False)

    @property
    def node_names(self) -> list[str]:
        """The names in the field of nodes."""
        return [name.strip() for name in self.nodes_field.text().replace(";", ",").split(",") if name.strip()]

    def build_query(self, defaults: dict[str, Any]) -> SteeringQuery:
        """The query that the fields describe.

        Args:
            defaults: Fields of the query that are not in the form.

        Raises:
            InputError: A field does not hold what it should.
        """
        names, action = self.node_names, self.action_box.currentText()
        if not names:
            raise InputError(NO_NODES)
        strengths = () if action == "zero" else parse_strengths(self.strengths_field.text())
        if not strengths and action != "zero":
            raise InputError(f"'{action}' needs a strength; one or several, such as 2, 4, would be right.")
        positions = parse_positions(self.positions_field.text())
        texts = (self.toward_field.text(), self.away_field.text())
        directions = {name: texts for name in names if name.startswith("resid")}
        if directions and not all(texts):
            raise InputError("A direction lies between two texts; fill in both, such as wedding and funeral.")
        return SteeringQuery(
            **{**defaults, "prompt": self.prompt_field.text()},
            changes=dict.fromkeys(names, Intervention(action, 1.0, positions)),
            strengths=strengths,
            steered_tokens=self.tokens_box.currentText(),
            directions=directions,
            max_tokens=self.max_tokens_field.value(),
            temperature=self.temperature_field.value(),
            seed=self.seed_field.value(),
        )

    def show_query(self, query: SteeringQuery) -> None:
        """Fill the fields with a query's."""
        change = next(iter(query.changes.values()))
        self.prompt_field.setText(query.prompt)
        self.nodes_field.setText(", ".join(query.changes))
        self.action_box.setCurrentText(change.value)
        strengths = query.strengths or (change.amount,)
        self.strengths_field.setText(", ".join(f"{strength:g}" for strength in strengths))
        self.positions_field.setText(", ".join(map(str, change.positions)))
        self.tokens_box.setCurrentText(query.steered_tokens)
        toward, away = next(iter(query.directions.values()), ("", ""))
        self.toward_field.setText(toward)
        self.away_field.setText(away)
        self.max_tokens_field.setValue(query.max_tokens)
        self.temperature_field.setValue(query.temperature)
        self.seed_field.setValue(query.seed)

    def set_running(self, is_running: bool) -> None:
        """Switch between the states idle and writing."""
        self.steer_button.setEnabled(not is_running)
        self.cancel_button.setEnabled(is_running)

    def show_message(self, text: str) -> None:
        """Show progress or an error."""
        self.message_label.setText(text)
        self.message_label.setVisible(bool(text))

    def _on_changed(self, *_given: object) -> None:
        has_direction = any(name.startswith("resid") for name in self.node_names)
        for field in (self.toward_field, self.away_field):
            self.form_layout.setRowVisible(field, has_direction)
        self.form_layout.setRowVisible(self.strengths_field, self.action_box.currentText() != "zero")
        self.form_layout.setRowVisible(self.seed_field, self.temperature_field.value() > 0)
        self.changed.emit()

    def _build(self) -> None:
        fix_scaled_width(self, FORM_WIDTH_PX)
        self.form_layout = make_form(vertical_spacing=6)
        self.form_layout.setHorizontalSpacing(8)
        for title, field in (
            ("Steer", self.nodes_field),
            ("Toward", self.toward_field),
            ("Away from", self.away_field),
            ("Action", self.action_box),
            ("Strengths", self.strengths_field),
            ("At", self.tokens_box),
            ("Positions", self.positions_field),
            ("Tokens", self.max_tokens_field),
            ("Temperature", self.temperature_field),
            ("Seed", self.seed_field),
        ):
            self.form_layout.addRow(title, field)
        content = QWidget()
        lay_out_column(
            self.form_layout, self.fault_line, self.message_label, 1, parent=content, spacing=8,
            margins=(0, 0, 4, 0),
        )  # fmt: skip
        buttons = lay_out_row((self.steer_button, 1), self.cancel_button)
        lay_out_column(
            (VerticalScrollArea(content), 1), buttons, parent=self, spacing=8, margins=(8, 8, 12, 8)
        )
        adjust_form_fields(self)
