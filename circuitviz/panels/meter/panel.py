"""Faithfulness meter: the value with its interval, the metric that it is computed from, and the setting."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout

from circuitviz.document.sample import SAMPLE_TEXTS, sample_of
from circuitviz.graph import TaskCheck
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.training_course import course_of
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.workspace.workspace import Workspace

# For each tier of the value: what is known, and what is still being measured.
TIER_TEXTS = {
    "estimate": ("first-order estimate", "measuring"),
    "small": ("exact on 8 prompts", "measuring all"),
    "exact": ("exact on all prompts", ""),
}
COURSE_HEIGHT_PX = 112
SINGLE_PROMPT_TEXTS = {"small": ("exact", "measuring changes"), "exact": ("exact on one prompt", "")}


@panels.register("meter", summary="faithfulness", title="Faithfulness", area="right", order=0)
class MeterPanel(Panel):
    """Shows the faithfulness of the circuit on screen, exact or estimated."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.before_label = QLabel("", objectName="title", accessibleName="Faithfulness before")
        self.before_label.setToolTip("faithfulness of the circuit with nothing ablated or changed")
        self.value_label = QLabel("–", objectName="number", accessibleName="Faithfulness")
        self.change_label = QLabel("", objectName="title", accessibleName="Change of faithfulness")
        self.change_label.setToolTip("difference to the circuit with nothing ablated or changed")
        self.interval_label = QLabel("", objectName="muted", wordWrap=True)
        self.faithfulness_bar = FaithfulnessBar()
        self.course_chart = ChartView("Faithfulness while the ranking was trained", is_compact=True)
        self.course_chart.setFixedHeight(COURSE_HEIGHT_PX)
        self.course_label = QLabel("", objectName="muted", wordWrap=True)
        self.what_if_label = QLabel("", accessibleName="What if")
        self.metric_label = QLabel("", objectName="muted", wordWrap=True)
        self.setting_label = QLabel("", objectName="muted", wordWrap=True)
        self.task_warning = QLabel("", objectName="warning", wordWrap=True, accessibleName="Task warning")
        self._shown_points: list[dict[str, Any]] = []
        self._known = self._awaited = ""  # the two parts of the interval label
        layout = self._lines_layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 12)
        layout.setSpacing(5)
        layout.addLayout(lay_out_row(self.before_label, self.value_label, self.change_label, 1, spacing=8))
        for widget in (
            self.interval_label,
            self.what_if_label,
            self.faithfulness_bar,
            self.metric_label,
            self.setting_label,
            self.course_label,
            self.course_chart,
            self.task_warning,
        ):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.what_if_label.hide()
        self.task_warning.hide()
        workspace.live_faithfulness.changed.connect(self.show_evaluation)
        workspace.live_faithfulness.what_if_estimated.connect(self._show_what_if)
        workspace.measure_stored.connect(self._on_measure_stored)
        workspace.state_changed.connect(self.show_course)
        workspace.document_opened.connect(self.show_course)
        self.course_chart.hover_text_changed.connect(self._show_course_text)
        workspace.worker_idle.connect(self._on_idle)
        workspace.model_ready.connect(lambda _ready: self.show_evaluation(workspace.live_faithfulness.tier))
        self.show_course()
        self.show_evaluation("")

    def _show_what_if(self, nodes: frozenset[str], estimate: float | None) -> None:
        """Show the estimated faithfulness without the nodes under the mouse."""
        self.what_if_label.setVisible(bool(nodes))
        nodes_text = min(nodes) if len(nodes) == 1 else f"these {len(nodes)} nodes"
        self.what_if_label.setText(
            f"without {nodes_text}: no estimate"
            if estimate is None
            else f"without {nodes_text}: ≈ {decimal_number(estimate, 3)}"
        )

    def show_evaluation(self, tier: str) -> None:
        """Show the current evaluation, marked ≈ while it is an estimate."""
        check = TaskCheck.of_scores(self.workspace.state.scores)
        self.task_warning.setText("" if check is None else check.warning)
        self.task_warning.setVisible(bool(self.task_warning.text()))
        evaluation = self.workspace.live_faithfulness.evaluation
        before = None if evaluation is None else _faithfulness(self.workspace.document.evaluation_before)
        self.faithfulness_bar.show_evaluation(evaluation, tier, before)
        self._show_change(before, _faithfulness(evaluation))
        if evaluation is None:
            self._show_missing()
            self._fit_height()
            return
        faithfulness = evaluation["faithfulness"]
        metric = evaluation["metric"]
        setting = evaluation["setting"]
        if faithfulness["value"] is None:
            self.value_label.setText("undefined")
            self._show_status("full and ablated model have the same metric")
        else:
            mark = "≈ " if tier == "estimate" else ""
            self.value_label.setText(mark + _format_value(faithfulness["value"]))
            known, awaited = TIER_TEXTS.get(tier, ("", ""))
            if tier == "estimate" and self.workspace.opened_model is None:
                known, awaited = "first-order estimate; the model is not open", ""
            if setting["prompts"] == 1:  # a single prompt has no interval
                known, awaited = SINGLE_PROMPT_TEXTS.get(tier, (known, awaited))
            if faithfulness["low"] is not None:
                low, high = _format_value(faithfulness["low"]), _format_value(faithfulness["high"])
                known = f"95 % [{low}, {high}] · {known}"
            self._show_status(known, awaited)
        self.metric_label.setText(
            f"{setting['metric']}: circuit\N{NO-BREAK SPACE}{_format_value(metric['circuit'])}, "
            f"model\N{NO-BREAK SPACE}{_format_value(metric['model'])}, "
            f"ablated\N{NO-BREAK SPACE}{_format_value(metric['ablated'])}"
        )
        circuit = self.workspace.document.state.circuit
        sites = () if circuit is None else tuple(feature_sites(circuit.graph))
        text = _setting_text(evaluation, sites)
        if not self.workspace.state.is_prompt_circuit:
            sample = sample_of(self.workspace.state.origin)
            text = f"{text}\n{sample}: {SAMPLE_TEXTS[sample]}"
        self.setting_label.setText("\n".join(filter(None, (text, self._random_text()))))
        self._fit_height()

    def show_course(self) -> None:
        """Show how faithful the circuit was at steps of its ranking's training, where that was measured."""
        points = course_of(self.workspace.state.scores)
        if points != self._shown_points:
            self._shown_points = points
            self.course_chart.draw_result("ranking-course", {"points": points} if points else None)
        self.course_chart.setVisible(bool(points))
        self.course_label.setVisible(bool(points))
        self._show_course_text("")
        if self.workspace.partial_result is not None:
            self._show_partial(points)
        self._fit_height()

    def _show_course_text(self, text: str) -> None:
        """Describe the point under the pointer, or what the curve is of."""
        if points := self._shown_points:
            last = points[-1]
            prompts = _format_prompts(last["prompts"])
            self.course_label.setText(
                text or f"while training, with 95 % intervals: {last['edges']:,} edges, {prompts}"
            )

    def _on_measure_stored(self, name: str) -> None:
        if name == "random":
            self.show_evaluation(self.workspace.live_faithfulness.tier)

    def _random_text(self) -> str:
        """Faithfulness of random circuits of this size, where they were measured."""
        document = self.workspace.document
        measure = document.measures.get("random")
        if measure is None or measure["key"] != document.state.measurement_key:
            return ""
        found = measure["result"]
        if found["value"] is None:
            return ""
        ends = f"[{_format_value(found['low'])}, {_format_value(found['high'])}]"
        return f"random circuits of this size: {_format_value(found['value'])} {ends}"

    def _show_change(self, before: float | None, value: float | None) -> None:
        """Show what the faithfulness was before something was ablated or changed, and the difference."""
        is_known = before is not None and value is not None
        self.before_label.setVisible(is_known)
        self.change_label.setVisible(is_known)
        if before is not None and value is not None:
            self.before_label.setText(f"{_format_value(before)} →")
            self.change_label.setText(_format_change(before, value))

    def _show_missing(self) -> None:
        for label in (self.metric_label, self.setting_label):
            label.setText("")
        self.value_label.setText("–")
        if self.workspace.partial_result is not None:
            self._show_partial(course_of(self.workspace.state.scores))
        elif self.workspace.state.circuit is not None and self.workspace.opened_model is not None:
            self._show_status("", "measuring")
        else:
            self._show_status("not measured")

    def _show_partial(self, points: list[dict[str, Any]]) -> None:
        """Show the latest value that the training of a ranking has measured; other searches measure none."""
        if not points or points[-1]["value"] is None:
            self._show_status("not measured while the search is running")
            return
        last = points[-1]
        self.value_label.setText(_format_value(last["value"]))
        self._show_status(f"at step {last['step']:,} of the training, {_format_prompts(last['prompts'])}")

    def _show_status(self, known: str, awaited: str = "") -> None:
        """Show what is known of the value, and which measurement is still running."""
        self._known, self._awaited = known, awaited
        running = f"{awaited}…" if awaited else ""
        self.interval_label.setText(", ".join(part for part in (known, running) if part))

    def _on_idle(self) -> None:
        """Say that a measurement was cancelled or failed."""
        if self._awaited and not self.workspace.live_faithfulness.is_measurement_pending:
            cancelled = f"{self._awaited} was cancelled"
            self._awaited = ""
            self.interval_label.setText("; ".join(part for part in (self._known, cancelled) if part))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the height to the new line wrapping."""
        super().resizeEvent(event)
        self._fit_height()

    def event(self, event: QEvent) -> bool:
        """Adapt the height to another font and other texts, too, where the width stays."""
        is_handled = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit_height()
        return is_handled

    def _fit_height(self) -> None:
        """Reserve the height of the wrapped text, which a dock does not request by itself."""
        self.setMinimumHeight(max(0, self._lines_layout.totalHeightForWidth(self.width())))


class FaithfulnessBar(ThemedWidget):
    """A bar from 0 to the value, clipped to [0, 1], with a whisker for the 95 % interval.

    A line marks the value before something was ablated or changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._evaluation: dict[str, Any] | None = None
        self._tier = ""
        self.before: float | None = None
        self.setAccessibleName("Faithfulness bar")
        self.setFixedHeight(14)

    def sizeHint(self) -> QSize:
        """A thin bar."""
        return QSize(160, 16)

    def show_evaluation(
        self, evaluation: dict[str, Any] | None, tier: str, before: float | None = None
    ) -> None:
        """Show another evaluation, with a mark at the value before something was ablated or changed."""
        self._evaluation, self._tier, self.before = evaluation, tier, before
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint background, bar and whisker."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, middle = float(self.width()), self.height() / 2
        painter.setBrush(QColor(self.theme.line))
        painter.drawRoundedRect(QRectF(0, middle - 3, width, 6), 3, 3)
        faithfulness = (self._evaluation or {}).get("faithfulness", {})
        value = faithfulness.get("value")
        if value is not None:
            colour = QColor(self.theme.accent)
            colour.setAlphaF(0.55 if self._tier == "estimate" else 1.0)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(0, middle - 3, width * _clamp_to_bar(value), 6), 3, 3)
        if self.before is not None:
            painter.setBrush(QColor(self.theme.muted))
            painter.drawRect(QRectF(width * _clamp_to_bar(self.before) - 1, middle - 6, 2, 12))
        if faithfulness.get("low") is not None:
            painter.setPen(QColor(self.theme.text))
            low, high = (width * _clamp_to_bar(faithfulness[k]) for k in ("low", "high"))
            painter.drawLine(round(low), round(middle), round(high), round(middle))
            for end in (low, high):
                painter.drawLine(round(end), round(middle - 4), round(end), round(middle + 4))
        painter.end()


def _setting_text(evaluation: dict[str, Any], sites: tuple[str, ...]) -> str:
    """What was evaluated: size, ablation and prompts, or for prompt circuits nodes, ablation and errors."""
    setting = evaluation["setting"]
    if "errors" not in setting:
        prompts = _format_prompts(setting["prompts"])
        text = f"{evaluation['edges']:,} edges, {setting['ablation']} ablation, {prompts}"
        return f"{text}; evaluated node by node ({', '.join(sites)} as features)" if sites else text
    over = f" over {setting['mean_of']}" if setting.get("mean_of") else ""
    value = evaluation.get("completeness")
    completeness = "" if value is None else f"; completeness {_format_value(value)}"
    frozen = evaluation.get("frozen_faithfulness")
    with_patterns = "" if frozen is None else f"; {_format_value(frozen)} with attention frozen"
    return (
        f"{evaluation['nodes']:,} nodes, {setting['ablation']} ablation{over}, "
        f"errors {setting['errors']}{completeness}{with_patterns}"
    )


def _format_prompts(number: int) -> str:
    return f"{number:,} prompt{'s' if number != 1 else ''}"


def _faithfulness(evaluation: dict[str, Any] | None) -> float | None:
    return None if evaluation is None else evaluation["faithfulness"]["value"]


def _format_change(before: float, value: float) -> str:
    """The difference of two numbers as they are shown, so that they add up."""
    change = round(value, 3) - round(before, 3)
    return signed_number(change, 3) if abs(change) >= 0.0005 else "±0.000"


def _format_value(value: float) -> str:
    """Three decimals; what rounds to zero has no sign."""
    return decimal_number(value, 3)


def _clamp_to_bar(value: float) -> float:
    return min(0.998, max(0.002, value))
