"""One feature: what it is called, where it fires, and what its directions say."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.panels.charts import Chart
from circuitviz.panels.features.sheet import examples, facts
from circuitviz.panels.line import Line
from circuitviz.panels.plain import MarkupLabel

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanation
    from circuitviz.jobs.features import Dashboard


class DashboardView(QWidget):
    """``followed(address)``: a link that was clicked, ``feature:m3.f5`` or ``select:NODE``; ``labelled``:
    the person's own words for the feature; ``traced(example)``: its circuit in an example is wanted;
    ``compared()``: its circuits in many; ``exported()``: the histogram is wanted as a figure.
    """

    followed = Signal(str)
    labelled = Signal(str)
    traced = Signal(int)
    compared = Signal()
    exported = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.found: Dashboard | None = None
        self.captions: Mapping[int, Explanation] = {}
        self.said: list[Explanation] = []
        self.standing: tuple[str, ...] = ()
        self.name = QLabel("", objectName="title")
        self.circuit = QPushButton("Circuit", objectName="chip")
        self.circuit.setToolTip("why it fires in the first example; an example’s number asks for that one")
        self.traces = QPushButton("Traces", objectName="chip")
        self.traces.setToolTip("its circuits in many examples, compared")
        self.export = QPushButton("Export…", objectName="chip", toolTip="the histogram as a figure or as CSV")
        self.about = Line()
        self.label = QLineEdit(placeholderText="Your label", accessibleName="Your label for the feature")
        self.told = MarkupLabel("", wordWrap=True, accessibleName="What others say of the feature")
        self.examples = _browser("Top activating examples")
        self.facts = _browser("What the feature writes and reads")
        self.histogram = Chart(compact=True)
        self.histogram.setAccessibleName("How strongly it fires where it fires")
        self._build()
        self.label.editingFinished.connect(self._labelled)
        self.circuit.clicked.connect(lambda: self.traced.emit(0))
        self.traces.clicked.connect(self.compared)
        self.export.clicked.connect(self.exported)
        self.examples.anchorClicked.connect(lambda url: self.traced.emit(int(url.path())))
        self.facts.anchorClicked.connect(lambda url: self.followed.emit(url.toString()))
        self.told.linkActivated.connect(lambda address: QDesktopServices.openUrl(QUrl(address)))

    def set_theme(self, theme: Theme) -> None:
        """Shade in the theme's colours."""
        self.theme = self.histogram.theme = theme
        self._show()

    def show_feature(
        self,
        found: Dashboard | None,
        captions: Mapping[int, Explanation],
        said: list[Explanation],
        standing: tuple[str, ...],
    ) -> None:
        """Show a feature with what is said of it; ``standing``: its nodes in the circuit."""
        self.found, self.captions, self.said, self.standing = found, captions, said, standing
        self._show()
        self.examples.verticalScrollBar().setValue(0)
        self.facts.verticalScrollBar().setValue(0)

    def _build(self) -> None:
        self.histogram.setFixedHeight(96)
        self.histogram.plot.setMinimumWidth(60)
        top = QHBoxLayout(spacing=10)
        top.addWidget(self.name)
        top.addWidget(self.label, 1)
        chips = QHBoxLayout(spacing=6)
        for chip in (self.circuit, self.traces, self.export):
            chips.addWidget(chip)
        chips.addStretch(1)
        left = QWidget()
        column = QVBoxLayout(left, spacing=4)
        column.setContentsMargins(8, 0, 4, 0)
        column.addLayout(top)
        column.addWidget(self.told)
        column.addWidget(self.about)
        column.addLayout(chips)
        column.addWidget(self.examples, 1)
        right = QWidget()
        column = QVBoxLayout(right, spacing=2)
        column.setContentsMargins(4, 0, 8, 0)
        column.addWidget(self.histogram)
        column.addWidget(self.facts, 1)
        split = QSplitter()
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 1)
        split.setSizes([290, 190])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(split)

    def _show(self) -> None:
        found = self.found
        chips = (self.circuit, self.traces, self.export)
        texts = (self.about, self.told, self.examples, self.facts)
        for widget in (self.label, self.histogram, *chips, *texts):
            widget.setVisible(found is not None)
        if found is None:
            self.name.setText("")
            return
        self.name.setText(f"{found.site}.f{found.number}")
        self.circuit.setEnabled(bool(found.prompts))
        own = next((one.text for one in self.said if one.source == "you"), "")
        if not self.label.hasFocus() or self.label.text() != own:
            self.label.setText(own)
            self.label.setCursorPosition(0)
        others = [one for one in self.said if one.source != "you"]
        self.told.setText("<br>".join(self._explanation(one) for one in others[:3]))
        self.told.setVisible(bool(others))
        self.examples.setHtml(examples(found, self.theme))
        self.facts.setHtml(facts(found, self.captions, self.standing, self.theme))
        self._draw(found)

    def _explanation(self, one: Explanation) -> str:
        by = escape(one.source)
        if one.link.startswith("https://"):
            by = f'<a style="color:{self.theme.accent}" href="{escape(one.link)}">{by}</a>'
        return f'{escape(one.text)} <span style="color:{self.theme.muted}">({by})</span>'

    def _draw(self, found: Dashboard) -> None:
        told = found.statistics
        fires = told is not None and bool(told.examples)
        self.histogram.setVisible(fires)
        self.export.setEnabled(fires)
        if told is None or not fires:
            self.about.setText("" if told is None else "never fires")
            return
        row = told.row
        size = f"max {row.greatest:.1f} · mean {row.mean:.1f}"
        self.about.setText(f"{row.density:.2%} of tokens · {size}")
        self.about.setToolTip(self.about.text())
        self.histogram.draw("activations", {"bins": told.bins, "reach": told.reach})

    def _labelled(self) -> None:
        if self.found is not None and self.label.isModified():
            self.label.setModified(False)
            self.labelled.emit(self.label.text())


def _browser(name: str) -> QTextBrowser:
    made = QTextBrowser(openLinks=False, accessibleName=name)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.document().setDocumentMargin(2)
    made.setMinimumWidth(120)
    return made
