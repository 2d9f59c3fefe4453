"""Fields of forms: combo boxes that may be narrow, number fields and labels that stand on one line."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QFormLayout, QToolButton, QWidget

from circuitviz.panels.widgets.focused_wheel import ComboBox

LEFT_ALIGNED = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT_ALIGNED = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def make_form(parent: QWidget | None = None, vertical_spacing: int = 8) -> QFormLayout:
    """A form whose labels are aligned at the left, and whose fields take the width that there is."""
    form = QFormLayout(verticalSpacing=vertical_spacing, labelAlignment=LEFT_ALIGNED)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    if parent is not None:
        parent.setLayout(form)
    return form


def choice_box(name: str, *texts: str) -> QComboBox:
    """A combo box of choices, with a name for screen readers."""
    box = ComboBox(accessibleName=name)
    box.addItems(list(texts))
    return box


def browse_button(tip: str, browse: Callable[[], object]) -> QToolButton:
    """A button beside a field, which lets a person choose a file or a folder."""
    button = QToolButton(text="…", toolTip=tip, accessibleName=tip)
    button.clicked.connect(lambda _is_checked: browse())
    return button


def let_shrink(*boxes: QComboBox, n_letters: int = 8) -> None:
    """Let combo boxes be as narrow as a few letters, whatever their choices are."""
    for box in boxes:
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(n_letters)


def adjust_form_fields(widget: QWidget) -> None:
    """Set the margins of number fields and align the labels of forms with their fields.

    A style sheet cannot express either.
    """
    for field in widget.findChildren(QAbstractSpinBox):
        field.lineEdit().setTextMargins(6, 0, 4, 0)
    for form in widget.findChildren(QFormLayout):
        for row in range(form.rowCount()):
            item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            if item is not None and (label := item.widget()) is not None:
                # a form centres a label in 7/4 of its height, which the style's fields are taller than
                label.setMinimumHeight(label.fontMetrics().height() + 5)
