"""Threshold of a prompt circuit as a logarithmic slider and a number field."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from circuitviz.errors import InputError
from circuitviz.number_text import rounded_number
from circuitviz.panels.widgets.focused_wheel import FocusedSlider
from circuitviz.panels.widgets.font_scaling import fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_row

SLIDER_STEPS, SLIDER_DECADES = (
    1000,
    4.0,
)  # from just below the highest threshold four orders of magnitude down
MAX_THRESHOLD_FRACTION = 0.999  # of the highest: at the highest itself no node is left


class ThresholdRow(QWidget):
    """Edits the threshold τ.

    Signals: ``threshold_requested(tau)``; ``input_rejected(message)``: the typed text is no threshold.
    """

    threshold_requested = Signal(float)
    input_rejected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.slider = FocusedSlider(
            Qt.Orientation.Horizontal, maximum=SLIDER_STEPS, accessibleName="Threshold"
        )
        self.number_field = QLineEdit(accessibleName="Threshold as a number")
        self.max_tau = self.tau = 0.0
        self._pending_tau: float | None = None  # asked for, and not come yet
        fix_scaled_width(self.number_field, 84)
        lay_out_row(QLabel("Threshold τ"), (self.slider, 1), self.number_field, parent=self, spacing=8)
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.number_field.editingFinished.connect(self._on_number_edited)

    def show_threshold(self, tau: float, max_tau: float) -> None:
        """Show the document's threshold, unless a later one has been requested.

        Args:
            tau: Current threshold.
            max_tau: Largest |attribution| of a node: at that threshold no node is left.
        """
        if self._pending_tau is not None and self._pending_tau != tau:
            return
        self._pending_tau, self.tau, self.max_tau = None, tau, max_tau
        step = (
            SLIDER_STEPS * (1 + math.log10(tau / (MAX_THRESHOLD_FRACTION * max_tau)) / SLIDER_DECADES)
            if tau > 0 and max_tau > 0
            else 0
        )
        self.slider.blockSignals(True)
        self.slider.setValue(round(min(SLIDER_STEPS, max(0, step))))
        self.slider.blockSignals(False)
        if not (self.number_field.hasFocus() and self.number_field.isModified()):
            self.number_field.setText(rounded_number(tau, 4))

    def clear_pending(self) -> None:
        """Forget a request that was not answered and show the document's threshold again."""
        if self._pending_tau is not None:
            self._pending_tau = None
            self.show_threshold(self.tau, self.max_tau)

    def _on_slider_moved(self, step: int) -> None:
        if self.max_tau > 0:
            self._request_threshold(
                MAX_THRESHOLD_FRACTION * self.max_tau * 10 ** (SLIDER_DECADES * (step / SLIDER_STEPS - 1))
            )

    def _on_number_edited(self) -> None:
        text = self.number_field.text().strip()
        if not self.number_field.isModified():
            return
        self.number_field.setModified(False)
        try:
            self._request_threshold(parse_threshold(text))
        except InputError as error:
            self.number_field.setText(rounded_number(self.tau, 4))
            self.input_rejected.emit(str(error))

    def _request_threshold(self, tau: float) -> None:
        self._pending_tau = tau
        self.number_field.setText(rounded_number(tau, 4))
        self.threshold_requested.emit(tau)


def parse_threshold(text: str) -> float:
    """Parses a threshold.

    Raises:
        InputError: The text is no number from 0 on.

    >>> parse_threshold("0.25")
    0.25
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"'{text}' is not a threshold; give a number from 0 on.")
    return value
