"""The threshold as a slider on a logarithmic scale, and as a number."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSlider, QWidget

from circuitviz.errors import InputError
from circuitviz.panels.room import keep_wide

STEPS, DECADES = 1000, 4.0  # from just below the highest threshold four orders of magnitude down
TOP = 0.999  # of the highest: at the highest itself no node is left


class ThresholdRow(QWidget):
    """``moved(tau)``: somebody wants this threshold; ``refused(sentence)``: what was typed is none."""

    moved = Signal(float)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, accessibleName="Threshold")
        self.number = QLineEdit(accessibleName="Threshold as a number")
        self.high = self.tau = 0.0
        self._wanted: float | None = None  # asked for, and not come yet
        row = QHBoxLayout(self, spacing=8)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Threshold τ"))
        row.addWidget(self.slider, 1)
        keep_wide(self.number, 84)
        row.addWidget(self.number)
        self.slider.valueChanged.connect(self._slid)
        self.number.editingFinished.connect(self._typed)

    def show_threshold(self, tau: float, high: float) -> None:
        """Level with the document, unless a later threshold is on its way."""
        if self._wanted is not None and self._wanted != tau:
            return
        self._wanted, self.tau, self.high = None, tau, high
        place = STEPS * (1 + math.log10(tau / (TOP * high)) / DECADES) if tau > 0 and high > 0 else 0
        self.slider.blockSignals(True)
        self.slider.setValue(round(min(STEPS, max(0, place))))
        self.slider.blockSignals(False)
        if not (self.number.hasFocus() and self.number.isModified()):
            self.number.setText(f"{tau:.4g}")

    def settle(self) -> None:
        """Nothing is on its way any more."""
        if self._wanted is not None:
            self._wanted = None
            self.show_threshold(self.tau, self.high)

    def _slid(self, place: int) -> None:
        if self.high > 0:
            self._move(TOP * self.high * 10 ** (DECADES * (place / STEPS - 1)))

    def _typed(self) -> None:
        text = self.number.text().strip()
        if not self.number.isModified():
            return
        self.number.setModified(False)
        try:
            self._move(threshold_of(text))
        except InputError as error:
            self.number.setText(f"{self.tau:.4g}")
            self.refused.emit(str(error))

    def _move(self, tau: float) -> None:
        self._wanted = tau
        self.number.setText(f"{tau:.4g}")
        self.moved.emit(tau)


def threshold_of(text: str) -> float:
    """A number from 0 on; InputError on anything else.

    >>> threshold_of("0.25")
    0.25
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"'{text}' was given as threshold; a number from 0 on would be right.")
    return value
