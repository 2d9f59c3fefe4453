"""The ledger as a figure: a bar a term, as long as its number, and the sum said below."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.panels.feature_circuit.ledger_view import LEDGER_TERMS, LedgerView
from circuitviz.shapes.drawing import BoxShape, TextShape
from circuitviz.shapes.plot_axes import PlotFigureOptions

VALUES = {name: (i - 2) / 4 for i, name in enumerate(LEDGER_TERMS)}


def test_its_terms_are_bars_and_its_sum_is_said(qtbot: QtBot) -> None:
    ledger = LedgerView()
    qtbot.addWidget(ledger)
    ledger.show_ledger(VALUES, "m3.f5@7")
    drawing = ledger.drawing(PlotFigureOptions())
    words = {shape.text for shape in drawing.words if isinstance(shape, TextShape)}
    total = sum(VALUES.values())
    assert {"Tokens", "Errors", "Pruned", f"sum {total:.4f}, the value of m3.f5@7"} <= words
    bars = [shape.width for shape in drawing.body if isinstance(shape, BoxShape)]
    meant = [abs(value) for value in VALUES.values() if value]
    assert [width / max(bars) for width in bars] == pytest.approx([value / max(meant) for value in meant])
    assert ledger.cells()[1] == ["Kept features, heads", -0.5] and ledger.cells()[-1] == ["sum", total]
