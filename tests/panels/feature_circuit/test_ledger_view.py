"""The ledger as a figure: a bar a term, as long as its number, and the sum said below."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.panels.feature_circuit.ledger_view import LEDGER_TERMS, LedgerView
from circuitviz.shapes.drawing import BoxShape, TextShape
from circuitviz.shapes.plot_axes import PlotFigureOptions

ATTENTION = {"queries": 1.5, "other_queries": -0.25, "query_biases": 0.5,
             "keys": -1.0, "other_keys": 2.0, "key_biases": 0.75}  # fmt: skip
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


def test_what_scores_are_made_of_stands_below_the_sum(qtbot: QtBot) -> None:
    """It is no part of the sum, and only where a circuit has contributors."""
    ledger = LedgerView()
    qtbot.addWidget(ledger)
    ledger.show_ledger(VALUES, "m3.f5@7")
    without, last = ledger.sizeHint().height(), ledger.summary_text()
    assert "Scores" not in last
    ledger.show_ledger(VALUES, "m3.f5@7", ATTENTION)
    assert ledger.sizeHint().height() > without and ledger.total == sum(VALUES.values())
    assert ledger.summary_text() == (
        f"{last}; Scores, queries +1.5000 of +1.7500; Scores, keys -1.0000 of +1.7500"
    )
    assert ledger.cells()[-6:] == [
        [f"attention scores: {k.replace('_', ' ')}", v] for k, v in ATTENTION.items()
    ]
    bottom = ledger.sizeHint().height()
    tips = [ledger.tip_at(y) for y in range(bottom)]
    assert "as queries" in tips[bottom - 30] and "as keys" in tips[bottom - 8]
