"""Why a feature fires in general: examples are collected, its circuit traced in each, and all compared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.canvas.theme import Theme
from circuitviz.errors import InputError
from circuitviz.graph.names import feature_name
from circuitviz.jobs import Moved, Reply, Seen
from circuitviz.jobs.traces import Collected, CollectTraces
from circuitviz.panels.desk import Desk
from circuitviz.panels.features.place import STORE, data_folder, explanations
from circuitviz.panels.figures import export_plot
from circuitviz.panels.line import Line
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.saving import tab_separated
from circuitviz.panels.tracing.components import ComponentsPage
from circuitviz.panels.tracing.form import CollectForm
from circuitviz.panels.tracing.page import TracesPage
from circuitviz.panels.tracing.recurring import RecurringPage
from circuitviz.panels.tracing.scatter import ScatterPage
from circuitviz.panels.tracing.similarity import SimilarityPage
from circuitviz.session.question import HIERARCHICAL, Question

MEASURE = "traces"  # what the document keeps them as


@panels.register(
    "traces", summary="a feature in many examples", title="Traces", area="bottom", order=3.2, height=420
)
class TracesPanel(Panel):
    """What was collected stays with the document, also where it was stopped half way."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.kept: dict[str, Collected] = {}
        self.coming: Collected | None = None
        self._asked: CollectTraces | None = None
        self._measure: dict[str, Any] | None = None  # as the document has it
        self._begun = False  # whether the worker has been heard at it: what is idle before is no news
        self.form = CollectForm()
        self.scatter, self.similarity = ScatterPage(), SimilarityPage()
        self.components, self.recurring = ComponentsPage(), RecurringPage(self._captions)
        self.pages: tuple[TracesPage, ...] = (
            self.scatter,
            self.similarity,
            self.components,
            self.recurring,
        )
        self.stack = QStackedWidget()
        self.note = Line()
        self.copy = QPushButton("Copy", toolTip="the numbers, tab-separated, for a spreadsheet")
        self.export = QPushButton("Export…", toolTip="the picture as SVG, PDF or PNG, its numbers as CSV")
        self.buttons = QButtonGroup(self)
        self._build()
        self.form.collected.connect(lambda: desk.guarded(self.collect))
        self.form.stopped.connect(self.stop)
        self.form.chosen.connect(self.refresh)
        self.form.forgotten.connect(self._forget)
        self.copy.clicked.connect(self.copy_shown)
        self.export.clicked.connect(self._ask_export)
        for page in self.pages:
            page.pointed.connect(partial(self._pointed, page))
            page.example_wanted.connect(self.open_example)
        self.components.site_wanted.connect(self._show_site)
        self.recurring.feature_wanted.connect(self.choose)
        desk.arrived.connect(self._arrived)
        desk.progressed.connect(self._moved)
        desk.idle.connect(self._idle)
        desk.document_left.connect(self._leave)
        desk.document_opened.connect(self._document_opened)
        desk.feature_changed.connect(self._follow)
        self.form.run(False)
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in self.pages:
            page.set_theme(theme)

    @property
    def page(self) -> TracesPage:
        """The page in front."""
        return next(page for page in self.pages if page is self.stack.currentWidget())

    def collect(self) -> None:
        """Collect what the form says; InputError where it names no feature."""
        self._asked, self.coming, self._begun = self.form.request(), None, False
        self.form.run(True)
        self.form.say("Looking for examples …")
        self.desk.ask(self._asked)

    def stop(self) -> None:
        """End what is being collected; what is traced already is kept."""
        self.desk.cancel()
        if not self._begun:
            self._finish("Stopped.")

    def show_page(self, page: TracesPage) -> None:
        """Bring a page to the front; only it is drawn."""
        self.buttons.button(self.pages.index(page)).setChecked(True)
        self.stack.setCurrentWidget(page)
        self.similarity.column.hide()
        self.refresh()

    def show_kept(self, name: str) -> None:
        """Show other traces of those that are kept."""
        self.form.which.setCurrentText(name)
        self.refresh()

    def open_example(self, name: str, number: int) -> None:
        """Open the circuit of an example, in place of the one that is open; undo brings that back."""
        found = self.kept.get(name) or self.coming
        if found is None:
            return
        trace = found.traces.traces[number]
        end = trace.example.position + 1  # what comes later cannot have made the feature fire there
        question = Question(
            model=found.model,
            prompt="".join(trace.strings[:end]),
            target=f"{found.traces.target}@{trace.example.position}",
            method=HIERARCHICAL,
            gate="absolute",
            nodes=found.nodes,
            tokens=trace.example.tokens[:end],
            dictionaries=found.dictionaries,
        )
        self.desk.asking.ask(question)

    def copy_shown(self) -> None:
        """The numbers of the page in front to the clipboard."""
        if self.page.shown is None:
            return self.desk.say("There are no traces to copy; collect some first (Traces, Collect).")
        QGuiApplication.clipboard().setText(tab_separated(self.page.picture()[1]))
        self.desk.say(f"Copied the numbers of {self.page.title}, {self.page.shown.name}")

    def choose(self, name: str, front: bool) -> None:
        """Choose a feature or head everywhere; ``front``: its dashboard comes to the front."""
        circuit = self.desk.state.circuit
        names = [] if circuit is None else circuit.node_names
        nodes = frozenset(node for node in names if node == name or node.startswith(f"{name}@"))
        self.desk.select(nodes, frozenset())
        if found := feature_name(name):
            self.desk.choose_feature(found.site, found.feature)
            if front:
                self.desk.panel_wanted.emit("features")

    def refresh(self) -> None:
        """Show what is chosen of what is kept, or what is being collected."""
        self.form.offer(list(self.kept), self.coming is None)
        shown = self.coming or self.kept.get(self.form.which.currentText())
        for button in (self.copy, self.export):
            button.setEnabled(shown is not None)
        self.page.show_kept(shown, self.kept)
        self._point("")

    # what comes

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen) or reply.look != self._asked:
            return
        found, self._begun = reply.result, True
        if isinstance(found, Collected):
            self.coming = found
        if reply.done:
            self._finish(reply.why or f"{len(found.traces.traces)} examples traced.")
        elif self.seen:
            self.refresh()

    def _moved(self, moved: Moved) -> None:
        if self._asked is not None and moved.title == CollectTraces.title:
            self._begun = True
            self.form.say(moved.message)

    def _idle(self) -> None:
        if self._asked is not None and self._begun:
            number = 0 if self.coming is None else len(self.coming.traces.traces)
            self._finish(f"Stopped; {number} examples are kept." if number else "Stopped.")

    def _finish(self, told: str) -> None:
        """Nothing runs any more; what came is kept."""
        came, self.coming, self._asked = self.coming, None, None
        self.form.run(False)
        self.form.say(told)
        if came is not None:
            self.kept = {**{n: k for n, k in self.kept.items() if n != came.name}, came.name: came}
            self._keep()
            self.form.offer(list(self.kept), True)
            self.show_kept(came.name)
        else:
            self.refresh()

    def _keep(self) -> None:
        result = {name: one.as_dict() for name, one in self.kept.items()}
        self._measure = {"key": "", "options": {}, "result": result, "done": True}
        self.desk.document.keep_measure(MEASURE, self._measure)

    def _leave(self) -> None:
        """The document makes way for another; what was traced so far stays with it."""
        if self.coming is not None:
            self._finish("Stopped.")

    def _document_opened(self) -> None:
        """Traces that the document came with; what is being collected belongs to the one before."""
        measure = self.desk.document.measures.get(MEASURE)
        if measure is not None and measure is self._measure and self._asked is None:
            return  # they went along: an example's circuit was opened
        self._measure = measure
        self.coming = self._asked = None
        self.form.run(False)
        self.form.say("")
        self.kept = {}
        result = None if measure is None else measure.get("result")
        for found in result.values() if isinstance(result, dict) else ():
            try:
                one = Collected.from_dict(found)
            except InputError as error:
                self.form.say(str(error))
            else:
                self.kept[one.name] = one
        self.refresh()

    def _forget(self) -> None:
        self.kept = {n: k for n, k in self.kept.items() if n != self.form.which.currentText()}
        self._keep()
        self.refresh()

    def _follow(self) -> None:
        if self.desk.feature is not None:
            self.form.aim("{}.f{}".format(*self.desk.feature))

    def _show_site(self, site: str) -> None:
        self.show_page(self.similarity)
        self.similarity.show_site(site)

    def _captions(self, names: Sequence[str]) -> list[str]:
        """What features are called, by the person or by others; empty where nobody says anything."""
        shown, said = self.recurring.shown, dict[str, str]()
        if not (data_folder() / STORE).exists():
            return ["" for _ in names]
        with closing(explanations()) as store:
            for site in {name.partition(".")[0] for name in names}:
                for number, one in store.captions(shown.model if shown else "", site).items():
                    said[f"{site}.f{number}"] = one.text
        return [said.get(name, "") for name in names]

    def _pointed(self, page: TracesPage, text: str) -> None:
        """A page that is drawn anew behind the one in front has nothing to say."""
        if page is self.page:
            self._point(text)

    def _point(self, text: str) -> None:
        self.note.setText(text or self.page.said())

    def _ask_export(self) -> None:
        name, picture = self.page.picture()
        export_plot(self, self.desk, picture, name)

    def _build(self) -> None:
        top = QHBoxLayout(spacing=4)
        top.setContentsMargins(4, 6, 12, 0)
        for number, page in enumerate(self.pages):
            button = QToolButton(text=page.title, checkable=True)
            button.clicked.connect(partial(self.show_page, page))
            self.buttons.addButton(button, number)
            top.addWidget(button)
            self.stack.addWidget(page)
        self.buttons.button(0).setChecked(True)
        top.addStretch(1)
        foot = QHBoxLayout(spacing=8)
        foot.setContentsMargins(8, 0, 12, 8)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.similarity.column)
        foot.addWidget(self.copy)
        foot.addWidget(self.export)
        right = QVBoxLayout(spacing=4)
        right.addLayout(top)
        right.addWidget(self.stack, 1)
        right.addLayout(foot)
        whole = QHBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.form)
        whole.addLayout(right, 1)
