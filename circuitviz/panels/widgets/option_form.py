"""A form made from the options dataclass of a method or a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from circuitviz.options import Option
from circuitviz.panels.widgets.fields import adjust_form_fields, make_form
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.number_fields import DecimalField, IntegerField


class OptionForm(QWidget):
    """A row for each option, with its help as tool tip.

    Signals:
        values_changed: another value was chosen; of a text, once it is typed.
    """

    values_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.form_layout = make_form(self)
        self.form_layout.setContentsMargins(12, 0, 0, 0)
        self.fields: dict[str, QWidget] = {}

    def set_options(
        self, options: Sequence[Option], suggestions: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Show other options.

        Args:
            options: A row is made for each.
            suggestions: By option, texts to choose from where any text may be typed.
        """
        while self.form_layout.rowCount():
            self.form_layout.removeRow(0)
        self.fields = {}
        for option in options:
            field = _create_field(option, (suggestions or {}).get(option.name, ()))
            name = option.name.replace("_", " ").capitalize()
            field.setToolTip(option.help)
            field.setAccessibleName(name)
            self.fields[option.name] = field
            _change_signal(field).connect(lambda *_value: self.values_changed.emit())
            self.form_layout.addRow(name, field)
        self.setVisible(bool(self.fields))
        adjust_form_fields(self)

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values of options; options that the form does not have are left out."""
        for name, value in values.items():
            if name in self.fields:
                _set_field_value(self.fields[name], value)

    def values(self) -> dict[str, Any]:
        """The value of each option, by its name."""
        return {name: _field_value(field) for name, field in self.fields.items()}


def _create_field(option: Option, suggestions: Sequence[str]) -> QWidget:
    if suggestions:
        free = ComboBox(editable=True)
        free.addItems(list(suggestions))
        free.setCurrentText(str(option.default))
        return free
    if option.choices:
        box = ComboBox()
        box.addItems(option.choices)
        box.setCurrentText(str(option.default))
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        return box
    if option.kind is bool:
        return QCheckBox(checked=option.default)
    if option.kind is str:
        return QLineEdit(option.default)
    low = option.low if option.low is not None else -1e9
    high = option.high if option.high is not None else 1e9
    if option.kind is int:
        return IntegerField(minimum=int(low), maximum=min(int(high), 2**31 - 1), value=option.default)
    if option.above is not None:
        low = option.above + 1e-5
    return _ShortNumberBox(minimum=low, maximum=high, decimals=5, value=option.default, singleStep=0.01)


class _ShortNumberBox(DecimalField):
    """A spin box that shows no trailing zeros."""

    def textFromValue(self, value: float) -> str:
        """The number without trailing zeros."""
        return f"{value:g}"


def _change_signal(field: QWidget) -> SignalInstance:
    if isinstance(field, QComboBox):
        return field.currentTextChanged
    if isinstance(field, QCheckBox):
        return field.toggled
    if isinstance(field, QLineEdit):
        return field.editingFinished
    assert isinstance(field, QSpinBox | QDoubleSpinBox)
    return field.valueChanged


def _field_value(field: QWidget) -> Any:
    if isinstance(field, QComboBox):
        return field.currentText()
    if isinstance(field, QCheckBox):
        return field.isChecked()
    if isinstance(field, QLineEdit):
        return field.text()
    assert isinstance(field, QSpinBox | QDoubleSpinBox)
    return field.value()


def _set_field_value(field: QWidget, value: Any) -> None:
    if isinstance(field, QComboBox):
        field.setCurrentText(str(value))
    elif isinstance(field, QCheckBox):
        field.setChecked(bool(value))
    elif isinstance(field, QLineEdit):
        field.setText(str(value))
    else:
        assert isinstance(field, QSpinBox | QDoubleSpinBox)
        field.setValue(value)
