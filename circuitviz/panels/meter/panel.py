"""Faithfulness, always in sight, with what it is made of and how sure it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from circuitviz.graph.feature_sites import feature_sites
from circuitviz.panels.registry import Panel, panels
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workspace.workspace import Workspace

TIER_TEXTS = {
    "estimate": "first-order estimate, measuring…",
    "small": "exact on 8 prompts, measuring all…",
    "exact": "exact on all prompts",
}
SINGLE_PROMPT_TEXTS = {"small": "exact, measuring what changed…", "exact": "exact, of one prompt"}


@panels.register("meter", summary="faithfulness", title="Faithfulness", area="right", order=0)
class MeterPanel(Panel):
    """The number, its interval, the raw metric, and the setting."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.value_label = QLabel("–", objectName="number", accessibleName="Faithfulness")
        self.interval_label = QLabel("", objectName="muted", wordWrap=True)
        self.faithfulness_bar = FaithfulnessBar()
        self.what_if_label = QLabel("", accessibleName="What if")
        self.metric_label = QLabel("", objectName="muted", wordWrap=True)
        self.setting_label = QLabel("", objectName="muted", wordWrap=True)
        whole = self._lines_layout = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 12)
        whole.setSpacing(5)
        for widget in (
            self.value_label,
            self.interval_label,
            self.what_if_label,
            self.faithfulness_bar,
            self.metric_label,
            self.setting_label,
        ):
            whole.addWidget(widget)
        whole.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.what_if_label.hide()
        workspace.live_faithfulness.changed.connect(self.show_evaluation)
        workspace.live_faithfulness.what_if_estimated.connect(self._show_what_if)
        workspace.worker_idle.connect(self._on_idle)
        workspace.worker_idle.connect(self._on_idle)
        workspace.model_ready.connect(lambda _ready: self.show_evaluation(workspace.live_faithfulness.tier))
        self.show_evaluation("")

    def set_theme(self, theme: Theme) -> None:
        """Colour the bar."""
        self.faithfulness_bar.theme = theme
        self.faithfulness_bar.update()

    def _show_what_if(self, nodes: frozenset[str], estimate: float | None) -> None:
        """What it would be without some nodes, while somebody asks."""
        self.what_if_label.setVisible(bool(nodes))
        named = min(nodes) if len(nodes) == 1 else f"these {len(nodes)} nodes"
        self.what_if_label.setText(
            f"without {named}: not known" if estimate is None else f"without {named}: ≈ {estimate:.3f}"
        )

    def show_evaluation(self, tier: str) -> None:
        """Show the desk's numbers, marked ≈ while they are an estimate."""
        numbers = self.workspace.live_faithfulness.evaluation
        self.faithfulness_bar.show_evaluation(numbers, tier)
        if numbers is None:
            self.value_label.setText("–")
            busy = self.workspace.state.circuit is not None and self.workspace.opened_model is not None
            searching = "not measured while the search goes on"
            waiting = "measuring…" if busy else "not measured yet"
            self.interval_label.setText(searching if self.workspace.partial_result is not None else waiting)
            self.metric_label.setText("")
            self.setting_label.setText("")
            return
        found = numbers["faithfulness"]
        if found["value"] is None:
            self.value_label.setText("undefined")
            self.interval_label.setText("full and ablated model do not differ")
        else:
            mark = "≈ " if tier == "estimate" else ""
            self.value_label.setText(mark + _format_value(found["value"]))
            band = ""
            if found["low"] is not None:
                band = f"95 % [{_format_value(found['low'])}, {_format_value(found['high'])}] · "
            said = TIER_TEXTS.get(tier, "")
            if tier == "estimate" and self.workspace.opened_model is None:
                said = "first-order estimate; its model is not open"
            if numbers["setting"]["prompts"] == 1:  # which has no interval
                said = SINGLE_PROMPT_TEXTS.get(tier, said)
            self.interval_label.setText(band + said)
        metric, where = numbers["metric"], numbers["setting"]
        self.metric_label.setText(
            f"{where['metric']}: circuit\N{NO-BREAK SPACE}{_format_value(metric['circuit'])}, "
            f"model\N{NO-BREAK SPACE}{_format_value(metric['model'])}, "
            f"ablated\N{NO-BREAK SPACE}{_format_value(metric['ablated'])}"
        )
        circuit = self.workspace.document.state.circuit
        sites = () if circuit is None else tuple(feature_sites(circuit.graph))
        self.setting_label.setText(_setting_text(numbers, sites))
        self._fit_height()

    def _on_idle(self) -> None:
        """Nothing is measured any more: what was to come was cancelled, or failed."""
        if (
            "measuring" in self.interval_label.text()
            and not self.workspace.live_faithfulness.is_measurement_pending
        ):
            said = self.interval_label.text().replace(", measuring", "; measuring")
            self.interval_label.setText(said.replace("…", " was stopped"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for lines that another width wraps otherwise."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        """A dock asks for no height of wrapped text by itself."""
        self.setMinimumHeight(max(0, self._lines_layout.totalHeightForWidth(self.width())))


class FaithfulnessBar(QWidget):
    """From 0 to 1: a bar to the value, a whisker for the interval."""

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self._evaluation: dict[str, Any] | None = None
        self._tier = ""
        self.setAccessibleName("Faithfulness bar")
        self.setFixedHeight(14)

    def sizeHint(self) -> QSize:
        """A slim line."""
        return QSize(160, 16)

    def show_evaluation(self, evaluation: dict[str, Any] | None, tier: str) -> None:
        """Draw these numbers."""
        self._evaluation, self._tier = evaluation, tier
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, bar and whisker."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, middle = float(self.width()), self.height() / 2
        painter.setBrush(QColor(self.theme.line))
        painter.drawRoundedRect(QRectF(0, middle - 3, width, 6), 3, 3)
        found = (self._evaluation or {}).get("faithfulness", {})
        value = found.get("value")
        if value is not None:
            colour = QColor(self.theme.accent)
            colour.setAlphaF(0.55 if self._tier == "estimate" else 1.0)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(0, middle - 3, width * _clamp_to_bar(value), 6), 3, 3)
        if found.get("low") is not None:
            painter.setPen(QColor(self.theme.text))
            low, high = (width * _clamp_to_bar(found[k]) for k in ("low", "high"))
            painter.drawLine(round(low), round(middle), round(high), round(middle))
            for at in (low, high):
                painter.drawLine(round(at), round(middle - 4), round(at), round(middle + 4))
        painter.end()


def _setting_text(evaluation: dict[str, Any], feature_sites: tuple[str, ...]) -> str:
    """What the number is of; circuits with features are judged by their nodes, those of a prompt on it."""
    where = evaluation["setting"]
    if "errors" not in where:
        said = f"{evaluation['edges']:,} edges, {where['ablation']} ablation, {_format_prompts(where['prompts'])}"
        return (
            f"{said}; judged node by node ({', '.join(feature_sites)} in features)" if feature_sites else said
        )
    over = f" over {where['mean_of']}" if where.get("mean_of") else ""
    rest = evaluation.get("completeness")
    kept = "" if rest is None else f"; the rest alone keeps {_format_value(rest)}"
    return (
        f"{evaluation['nodes']:,} nodes, {where['ablation']} ablation{over}, errors {where['errors']}{kept}"
    )


def _format_prompts(number: int) -> str:
    return f"{number:,} prompt{'s' if number != 1 else ''}"


def _format_value(value: float) -> str:
    """Three digits; what rounds to zero has no sign."""
    return f"{value:z.3f}".replace("-", "−")


def _clamp_to_bar(value: float) -> float:
    return min(0.998, max(0.002, value))
