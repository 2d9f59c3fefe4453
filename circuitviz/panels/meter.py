"""Faithfulness, always in sight, with what it is made of and how sure it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.graph.opened import opened_sites
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels

TIERS = {
    "estimate": "first-order estimate, measuring…",
    "small": "exact on 8 prompts, measuring all…",
    "exact": "exact on all prompts",
}
ONE_PROMPT = {"small": "exact, measuring what changed…", "exact": "exact, of one prompt"}


@panels.register("meter", summary="faithfulness", title="Faithfulness", area="right", order=0)
class MeterPanel(Panel):
    """The number, its interval, the raw metric, and the setting."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.value = QLabel("–", objectName="number", accessibleName="Faithfulness")
        self.interval = QLabel("", objectName="muted", wordWrap=True)
        self.bar = Bar()
        self.what_if = QLabel("", accessibleName="What if")
        self.raw = QLabel("", objectName="muted", wordWrap=True)
        self.setting = QLabel("", objectName="muted", wordWrap=True)
        whole = self._lines = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 12)
        whole.setSpacing(5)
        for widget in (self.value, self.interval, self.what_if, self.bar, self.raw, self.setting):
            whole.addWidget(widget)
        whole.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.what_if.hide()
        desk.live.changed.connect(self.show_numbers)
        desk.live.wondered.connect(self._wonder)
        desk.idle.connect(self._idle)
        desk.idle.connect(self._idle)
        desk.ready.connect(lambda _ready: self.show_numbers(desk.live.tier))
        self.show_numbers("")

    def set_theme(self, theme: Theme) -> None:
        """Colour the bar."""
        self.bar.theme = theme
        self.bar.update()

    def _wonder(self, nodes: frozenset[str], guess: float | None) -> None:
        """What it would be without some nodes, while somebody asks."""
        self.what_if.setVisible(bool(nodes))
        named = min(nodes) if len(nodes) == 1 else f"these {len(nodes)} nodes"
        self.what_if.setText(
            f"without {named}: not known" if guess is None else f"without {named}: ≈ {guess:.3f}"
        )

    def show_numbers(self, tier: str) -> None:
        """Show the desk's numbers, marked ≈ while they are an estimate."""
        numbers = self.desk.live.numbers
        self.bar.show_numbers(numbers, tier)
        if numbers is None:
            self.value.setText("–")
            busy = self.desk.state.circuit is not None and self.desk.opened is not None
            searching = "not measured while the search goes on"
            waiting = "measuring…" if busy else "not measured yet"
            self.interval.setText(searching if self.desk.preview is not None else waiting)
            self.raw.setText("")
            self.setting.setText("")
            return
        found = numbers["faithfulness"]
        if found["value"] is None:
            self.value.setText("undefined")
            self.interval.setText("full and ablated model do not differ")
        else:
            mark = "≈ " if tier == "estimate" else ""
            self.value.setText(mark + _number(found["value"]))
            band = ""
            if found["low"] is not None:
                band = f"95 % [{_number(found['low'])}, {_number(found['high'])}] · "
            said = TIERS.get(tier, "")
            if tier == "estimate" and self.desk.opened is None:
                said = "first-order estimate; its model is not open"
            if numbers["setting"]["prompts"] == 1:  # which has no interval
                said = ONE_PROMPT.get(tier, said)
            self.interval.setText(band + said)
        metric, where = numbers["metric"], numbers["setting"]
        self.raw.setText(
            f"{where['metric']}: circuit\N{NO-BREAK SPACE}{_number(metric['circuit'])}, "
            f"model\N{NO-BREAK SPACE}{_number(metric['model'])}, "
            f"ablated\N{NO-BREAK SPACE}{_number(metric['ablated'])}"
        )
        circuit = self.desk.document.state.circuit
        sites = () if circuit is None else tuple(opened_sites(circuit.graph))
        self.setting.setText(_setting(numbers, sites))
        self._fit()

    def _idle(self) -> None:
        """Nothing is measured any more: what was to come was cancelled, or failed."""
        if "measuring" in self.interval.text() and not self.desk.live.waiting:
            said = self.interval.text().replace(", measuring", "; measuring")
            self.interval.setText(said.replace("…", " was stopped"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for lines that another width wraps otherwise."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """A dock asks for no height of wrapped text by itself."""
        self.setMinimumHeight(max(0, self._lines.totalHeightForWidth(self.width())))


class Bar(QWidget):
    """From 0 to 1: a bar to the value, a whisker for the interval."""

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self._numbers: dict[str, Any] | None = None
        self._tier = ""
        self.setAccessibleName("Faithfulness bar")
        self.setFixedHeight(14)

    def sizeHint(self) -> QSize:
        """A slim line."""
        return QSize(160, 16)

    def show_numbers(self, numbers: dict[str, Any] | None, tier: str) -> None:
        """Draw these numbers."""
        self._numbers, self._tier = numbers, tier
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, bar and whisker."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, middle = float(self.width()), self.height() / 2
        painter.setBrush(QColor(self.theme.line))
        painter.drawRoundedRect(QRectF(0, middle - 3, width, 6), 3, 3)
        found = (self._numbers or {}).get("faithfulness", {})
        value = found.get("value")
        if value is not None:
            colour = QColor(self.theme.accent)
            colour.setAlphaF(0.55 if self._tier == "estimate" else 1.0)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(0, middle - 3, width * _within(value), 6), 3, 3)
        if found.get("low") is not None:
            painter.setPen(QColor(self.theme.text))
            low, high = (width * _within(found[k]) for k in ("low", "high"))
            painter.drawLine(round(low), round(middle), round(high), round(middle))
            for at in (low, high):
                painter.drawLine(round(at), round(middle - 4), round(at), round(middle + 4))
        painter.end()


def _setting(numbers: dict[str, Any], sites: tuple[str, ...]) -> str:
    """What the number is of; circuits with features are judged by their nodes, those of a prompt on it."""
    where = numbers["setting"]
    if "errors" not in where:
        said = f"{numbers['edges']:,} edges, {where['ablation']} ablation, {_prompts(where['prompts'])}"
        return f"{said}; judged node by node ({', '.join(sites)} in features)" if sites else said
    over = f" over {where['mean_of']}" if where.get("mean_of") else ""
    rest = numbers.get("completeness")
    kept = "" if rest is None else f"; the rest alone keeps {_number(rest)}"
    return f"{numbers['nodes']:,} nodes, {where['ablation']} ablation{over}, errors {where['errors']}{kept}"


def _prompts(number: int) -> str:
    return f"{number:,} prompt{'s' if number != 1 else ''}"


def _number(value: float) -> str:
    """Three digits; what rounds to zero has no sign."""
    return f"{value:z.3f}".replace("-", "−")


def _within(value: float) -> float:
    return min(0.998, max(0.002, value))
