"""The ledger as a figure: a bar a term, as long as its number, and the sum said below."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from pytestqt.qtbot import QtBot
from screenshots import SHOTS

from circuitviz.panels.feature_circuit import ledger_view
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
        f"{last}; Scores, queries +1.5000 of +1.7500; Scores, keys \N{MINUS SIGN}1.0000 of +1.7500"
    )
    assert ledger.cells()[-6:] == [
        [f"attention scores: {k.replace('_', ' ')}", v] for k, v in ATTENTION.items()
    ]
    bottom = ledger.sizeHint().height()
    tips = [ledger.tip_at(y) for y in range(bottom)]
    assert "as queries" in tips[bottom - 30] and "as keys" in tips[bottom - 8]


@pytest.mark.parametrize("font_pt", [9, 14, 20])
@pytest.mark.parametrize("attention", [None, ATTENTION])
@pytest.mark.parametrize("is_narrow", [False, True])
def test_painted_texts_have_room_at_every_size_of_text(
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    font_pt: int,
    is_narrow: bool,
    attention: dict[str, float] | None,
) -> None:
    painted: list[tuple[str, QRectF]] = []

    def record_text(painter: QPainter, rect: QRectF, flags: Qt.AlignmentFlag, text: str) -> None:
        painted.append((text, QFontMetricsF(painter.font()).boundingRect(rect, int(flags), text)))
        QPainter.drawText(painter, rect, flags, text)

    recording_painter = type("RecordingPainter", (QPainter,), {"drawText": record_text})
    monkeypatch.setattr(ledger_view, "QPainter", recording_painter)
    ledger = LedgerView()
    qtbot.addWidget(ledger)
    font = ledger.font()
    font.setPointSize(font_pt)
    ledger.setFont(font)
    ledger.show_ledger(VALUES, "m3.f5@7 of a prompt", attention)
    ledger.resize(ledger.minimumSizeHint() if is_narrow else ledger.sizeHint() * 2)
    image = ledger.grab()
    if SHOTS:
        image.save(f"{SHOTS}/ledger-{font_pt}-{is_narrow}-{bool(attention)}.png")
    assert len(painted) == 2 * (len(VALUES) + 1 + (2 if attention else 0))
    for index, (text, box) in enumerate(painted):
        assert text and ledger.rect().toRectF().adjusted(-1, -1, 1, 1).contains(box), text
        for other_text, other in painted[:index]:
            assert not box.adjusted(1, 1, -1, -1).intersects(other), (text, other_text)
    assert is_narrow or "Kept features, heads" in {text for text, _ in painted}
