"""Number fields that take any number that is typed: one out of range becomes the limit, and a note says so.

Qt's own refuse the key that would lead out of range, so that 1000 typed where 500 is the limit becomes 100.
"""

from __future__ import annotations

import math
import re
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QToolTip

from circuitviz.panels.widgets.focused_wheel import leave_focus_on_wheel, turn_with_focus

NOTE_MS = 4000
THOUSANDS_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}(\.\d*)?")
ValidationResult = tuple[QValidator.State, str, int]


class IntegerField(QSpinBox):
    """A spin box of whole numbers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # what Qt's own takes
        leave_focus_on_wheel(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step the number, with the focus."""
        turn_with_focus(self, event, super().wheelEvent)

    def validate(self, text: str, pos: int) -> ValidationResult:
        """Let any number be typed."""
        return _allow_number(self, super().validate(text, pos), text, pos)

    def fixup(self, text: str) -> str:
        """The nearest number that the field can hold."""
        number = _read_number(self, text)
        return super().fixup(text) if number is None else _show_nearest(self, number)


class DecimalField(QDoubleSpinBox):
    """A spin box of decimal numbers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # what Qt's own takes
        leave_focus_on_wheel(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step the number, with the focus."""
        turn_with_focus(self, event, super().wheelEvent)

    def validate(self, text: str, pos: int) -> ValidationResult:
        """Let any number be typed."""
        return _allow_number(self, super().validate(text, pos), text, pos)

    def fixup(self, text: str) -> str:
        """The nearest number that the field can hold."""
        number = _read_number(self, text)
        return super().fixup(text) if number is None else _show_nearest(self, number)


def _allow_number(
    field: IntegerField | DecimalField, verdict: ValidationResult, text: str, pos: int
) -> ValidationResult:
    typed = _strip_affixes(field, text)
    is_number = typed in ("-", "+") or _read_number(field, text) is not None
    is_for_fixup = verdict[0] is QValidator.State.Invalid or _has_decimal_comma(typed)
    return (QValidator.State.Intermediate, text, pos) if is_number and is_for_fixup else verdict


def _strip_affixes(field: IntegerField | DecimalField, text: str) -> str:
    return text.removeprefix(field.prefix()).removesuffix(field.suffix()).strip()


def _has_decimal_comma(typed: str) -> bool:
    """Whether a number has one comma that does not stand before a group of thousands.

    Qt removes every comma where the locale's decimal sign is a point: 0,5 would be 5.
    """
    return typed.count(",") == 1 and THOUSANDS_GROUP.fullmatch(typed) is None


def _read_number(field: IntegerField | DecimalField, text: str) -> float | None:
    """The number that a text says."""
    typed = _strip_affixes(field, text)
    try:
        number = float(typed.replace(",", "." if _has_decimal_comma(typed) else ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _show_nearest(field: IntegerField | DecimalField, number: float) -> str:
    """The text of the nearest number, with a note below the field where it is not the one that was typed."""
    low, high = field.minimum(), field.maximum()
    bounded = max(low, min(high, number))
    nearest = round(bounded) if isinstance(field, IntegerField) else round(bounded, field.decimals())
    shown = field.textFromValue(nearest)  # type: ignore[arg-type]
    if number > high:
        note = f"{number:,.12g} is more than the largest value: set to {shown}"
    elif number < low:
        note = f"{number:,.12g} is less than the smallest value: set to {shown}"
    else:
        note = f"{number:,.12g} was rounded to {shown}"
    if field.isVisible() and number != nearest:
        below = field.mapToGlobal(QPoint(0, field.height()))
        QToolTip.showText(below, note, field, field.rect(), NOTE_MS)
    return f"{field.prefix()}{shown}{field.suffix()}"
