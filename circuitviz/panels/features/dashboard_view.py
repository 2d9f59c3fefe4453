"""Dashboard of one feature: its labels, top activating examples, activation histogram and token effects."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton, QTextBrowser, QWidget

from circuitviz.number_text import decimal_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.features.dashboard_html import effects_html, examples_html
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row, make_splitter
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import Theme
from circuitviz.workspace.plain_text import MarkupLabel
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanation
    from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard


MAX_SUGGESTIONS = 3  # that are shown


class DashboardView(ThemedWidget):
    """Shows one feature.

    Signals: ``link_clicked(address)`` with ``feature:m3.f5`` or ``select:NODE``; ``label_edited(text)``: the
    user's label; ``trace_requested(example)``: index of the example to trace; ``traces_requested()``: compare
    circuits over many examples.
    """

    link_clicked = Signal(str)
    label_edited = Signal(str)
    trace_requested = Signal(int)
    traces_requested = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.dashboard: FeatureDashboard | None = None
        self.captions: Mapping[int, Explanation] = {}
        self.explanations: list[Explanation] = []
        self.circuit_nodes: tuple[str, ...] = ()
        self.title_label = QLabel("", objectName="title")
        self.circuit_button = QPushButton("Circuit", objectName="chip")
        self.circuit_button.setToolTip(
            "trace the circuit of the first example; click an example’s activation for another one"
        )
        self.traces_button = QPushButton("Traces", objectName="chip")
        self.traces_button.setToolTip("compare its circuits over many examples")
        self.export_button = ExportButton(workspace, self._exportable_plots)
        self.export_button.setObjectName("chip")
        self.statistics_line = ElidedLabel()
        self.label_field = QLineEdit(
            placeholderText="Your label", accessibleName="Your label for the feature"
        )
        self.explanations_label = MarkupLabel(
            "", wordWrap=True, accessibleName="Imported labels of the feature"
        )
        self.suggestions_label = MarkupLabel("", wordWrap=True, accessibleName="Label suggestions by rule")
        self.suggestions_label.setToolTip(
            "what its examples or promoted tokens have in common; a click takes it"
        )
        self.examples_view = _text_browser("Top activating examples")
        self.effects_view = _text_browser("Token effects and neighbours")
        self.histogram = ChartView("Histogram of activations", is_compact=True)
        self._build()
        self.label_field.editingFinished.connect(self._emit_label)
        self.circuit_button.clicked.connect(lambda: self.trace_requested.emit(0))
        self.traces_button.clicked.connect(self.traces_requested)
        self.examples_view.anchorClicked.connect(lambda url: self.trace_requested.emit(int(url.path())))
        self.effects_view.anchorClicked.connect(lambda url: self.link_clicked.emit(url.toString()))
        self.suggestions_label.linkActivated.connect(self._take_suggestion)
        self.explanations_label.linkActivated.connect(lambda address: QDesktopServices.openUrl(QUrl(address)))

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours for token shading."""
        super().set_theme(theme)
        self._refresh()

    def show_feature(
        self,
        dashboard: FeatureDashboard | None,
        captions: Mapping[int, Explanation],
        explanations: list[Explanation],
        circuit_nodes: tuple[str, ...],
    ) -> None:
        """Show a feature, or an empty dashboard where ``dashboard`` is None.

        Args:
            dashboard: The feature.
            captions: Best label of each feature of the same site, for its neighbours.
            explanations: All labels of this feature, the user's own first.
            circuit_nodes: Names of the open circuit's nodes that are this feature.
        """
        self.dashboard = dashboard
        self.captions = captions
        self.explanations = explanations
        self.circuit_nodes = circuit_nodes
        self._refresh()
        self.examples_view.verticalScrollBar().setValue(0)
        self.effects_view.verticalScrollBar().setValue(0)

    def _build(self) -> None:
        self.histogram.setFixedHeight(96)
        self.histogram.setMinimumWidth(60)
        top = lay_out_row(self.title_label, (self.label_field, 1), spacing=10)
        chips = lay_out_row(self.circuit_button, self.traces_button, self.export_button, 1, spacing=6)
        left = QWidget()
        lay_out_column(
            top,
            self.explanations_label,
            self.suggestions_label,
            self.statistics_line,
            chips,
            (self.examples_view, 1),
            parent=left,
            spacing=4,
            margins=(8, 0, 4, 0),
        )
        right = QWidget()
        lay_out_column(self.histogram, (self.effects_view, 1), parent=right, spacing=2, margins=(4, 0, 8, 0))
        lay_out_column(make_splitter(left, right, sizes=(290, 190), stretched=0), parent=self)

    def _refresh(self) -> None:
        dashboard = self.dashboard
        chips = (self.circuit_button, self.traces_button, self.export_button)
        texts = (
            self.statistics_line, self.explanations_label, self.suggestions_label, self.examples_view,
            self.effects_view,
        )  # fmt: skip
        for widget in (self.label_field, self.histogram, *chips, *texts):
            widget.setVisible(dashboard is not None)
        if dashboard is None:
            self.title_label.setText("")
            return
        self.title_label.setText(f"{dashboard.site}.f{dashboard.feature}")
        self.circuit_button.setEnabled(bool(dashboard.example_prompts))
        own_label = next(
            (explanation.text for explanation in self.explanations if explanation.source == "you"), ""
        )
        if not self.label_field.hasFocus() or self.label_field.text() != own_label:
            self.label_field.setText(own_label)
            self.label_field.setCursorPosition(0)
        imported = [explanation for explanation in self.explanations if explanation.source != "you"]
        self.explanations_label.setText(
            "<br>".join(self._explanation_html(explanation) for explanation in imported[:3])
        )
        self.explanations_label.setVisible(bool(imported))
        self.suggestions_label.setText(self._suggestions_html(dashboard))
        self.suggestions_label.setVisible(bool(dashboard.suggestions) and not own_label)
        self.examples_view.setHtml(examples_html(dashboard, self.theme))
        self.effects_view.setHtml(effects_html(dashboard, self.captions, self.circuit_nodes, self.theme))
        self._draw_histogram(dashboard)

    def _explanation_html(self, explanation: Explanation) -> str:
        source = escape(explanation.source)
        if explanation.link.startswith("https://"):
            source = f'<a style="color:{self.theme.accent}" href="{escape(explanation.link)}">{source}</a>'
        return f'{escape(explanation.text)} <span style="color:{self.theme.muted}">({source})</span>'

    def _suggestions_html(self, dashboard: FeatureDashboard) -> str:
        """The suggestions by rule, each a link that takes it as the label."""
        style = f'style="color:{self.theme.accent}; text-decoration:none"'
        pieces = [
            f'<a {style} href="{number}">{escape(one.text)}</a> '
            f'<span style="color:{self.theme.muted}">({escape(one.source)})</span>'
            for number, one in enumerate(dashboard.suggestions[:MAX_SUGGESTIONS])
        ]
        return (
            f'<span style="color:{self.theme.muted}">Suggested:</span> {" · ".join(pieces)}' if pieces else ""
        )

    def _take_suggestion(self, number: str) -> None:
        if self.dashboard is not None:
            self.label_edited.emit(self.dashboard.suggestions[int(number)].text)

    def _draw_histogram(self, dashboard: FeatureDashboard) -> None:
        statistics = dashboard.statistics
        is_active = statistics is not None and bool(statistics.examples)
        self.histogram.setVisible(is_active)
        self.export_button.setEnabled(is_active)
        if statistics is None or not is_active:
            self.statistics_line.setText("" if statistics is None else "never active")
            return
        row = statistics.row
        size = f"max {decimal_number(row.greatest, 1)} · mean {decimal_number(row.mean, 1)}"
        self.statistics_line.setText(f"{row.density:.2%} of tokens · {size}")
        self.statistics_line.setToolTip(self.statistics_line.text())
        self.histogram.draw_result(
            "activations", {"bins": statistics.bins, "reach": statistics.histogram_max}
        )

    def _exportable_plots(self) -> dict[str, ExportablePlot]:
        dashboard = self.dashboard
        return (
            {}
            if dashboard is None
            else {f"{dashboard.site}.f{dashboard.feature}-activations": self.histogram}
        )

    def _emit_label(self) -> None:
        if self.dashboard is not None and self.label_field.isModified():
            self.label_field.setModified(False)
            self.label_edited.emit(self.label_field.text())


def _text_browser(name: str) -> QTextBrowser:
    browser = QTextBrowser(openLinks=False, accessibleName=name)
    browser.setFrameShape(QFrame.Shape.NoFrame)
    browser.document().setDocumentMargin(2)
    browser.setMinimumWidth(120)
    return browser
