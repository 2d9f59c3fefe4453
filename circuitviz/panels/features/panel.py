"""The dock of features: dictionaries that are open, their features to search, one on its dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import Theme
from circuitviz.graph.names import feature_name
from circuitviz.jobs import Failed, Reply, Seen
from circuitviz.jobs.explanations import ImportExplanations
from circuitviz.jobs.features import Dashboard, OpenFeatures, ReadFeature, Shelf
from circuitviz.panels.desk import Desk
from circuitviz.panels.features.asked import asked
from circuitviz.panels.features.dashboard import DashboardView
from circuitviz.panels.features.files import FilesButton
from circuitviz.panels.features.listing import FeatureFilter, FeatureTable, feature_list
from circuitviz.panels.features.place import data_folder
from circuitviz.panels.features.shelf import FitLabel, describe_shelf
from circuitviz.panels.features.words import Words
from circuitviz.panels.figures import export_plot
from circuitviz.panels.registry import Panel, panels

NO_LABELS = "You have named no unlabelled feature of this circuit; its names are given on the dashboard."
NOWHERE: tuple[tuple[str, ...], Path | None] = ((), None)  # folders and text: those of the demo


@panels.register(
    "features", summary="features of dictionaries", title="Features", area="bottom", order=3, height=420
)
class FeaturesPanel(Panel):
    """Opens the demo's own dictionaries by itself when it first comes into sight, others when asked."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.shelf: Shelf | None = None
        self.words = Words(desk)
        self.folders, self.text = NOWHERE
        self._asked: OpenFeatures | None = None
        self._before: tuple[Shelf | None, tuple[str, ...]] | None = None  # what dictionaries are added to
        self._wanted: tuple[str, int] | None = None
        self.where = QLabel("", objectName="muted")
        self.fit = FitLabel()
        self.files = FilesButton(self)
        self.site = QComboBox(accessibleName="Dictionary")
        self.search = QLineEdit(placeholderText="Search labels", accessibleName="Search features")
        self.search.setClearButtonEnabled(True)
        self.rows = FeatureTable()
        self.filter = FeatureFilter(self.rows)
        self.table = feature_list(self.filter)
        self.view = DashboardView()
        self._build()
        self.site.currentTextChanged.connect(lambda _name: self._show_site())
        self.search.textChanged.connect(self.filter.search)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)
        self.view.followed.connect(self.follow)
        self.view.labelled.connect(self._label)
        self.view.traced.connect(self.trace)
        self.view.exported.connect(self._ask_export)
        self.view.compared.connect(partial(desk.panel_wanted.emit, "traces"))
        desk.arrived.connect(self._arrived)
        desk.ready.connect(lambda _ready: self._model_came())
        desk.selection_changed.connect(self._follow_selection)
        desk.feature_changed.connect(self._follow_feature)
        desk.state_changed.connect(self._refresh)
        self._say("")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.view.set_theme(theme)

    def set_seen(self, seen: bool) -> None:
        """Open what ships with the demo when somebody looks."""
        super().set_seen(seen)
        self._begin()
        self._refresh()

    def open(self, folders: Iterable[str | Path], text: Path | None) -> None:
        """Open folders of dictionaries and index a text; none: those of the demo, and its own text."""
        self.folders, self.text = tuple(map(str, folders)), text
        self._asked = OpenFeatures(self.folders, text, data_folder() / "indexes")
        self._before = None
        self._say("Opening dictionaries …")
        self.desk.ask(self._asked)

    def replace(self, folder: Path) -> None:
        """Open a folder of dictionaries in place of what is open."""
        self.open([folder], self.text)

    def add(self, folder: Path) -> None:
        """Open a folder beside those that are open, which stay if it cannot be."""
        before = (self.shelf, self.folders)
        self.open([*self.folders, folder], self.text)
        self._before = before

    def choose(self, site: str, number: int) -> None:
        """Show a feature's dashboard, and its row in the list."""
        if self.shelf is None or number >= self.shelf.sites.get(site, 0):
            self._wanted = (site, number)
            return
        self._wanted = None
        self.site.setCurrentText(site)
        at = self.filter.mapFromSource(self.rows.index(number, 0))
        if at.isValid() and self.table.currentIndex().row() != at.row():
            self.table.setCurrentIndex(at)  # asks, too
            self.table.scrollTo(at)
        else:
            self.desk.ask(ReadFeature(site, number))

    def follow(self, address: str) -> None:
        """A link: another feature, or a node to select."""
        kind, _, name = address.partition(":")
        found = feature_name(name)
        if kind == "select":
            self.desk.select(frozenset({name}), frozenset())
        elif found:
            self.search.clear()
            self.choose(found.site, found.feature)

    def _ask_export(self) -> None:
        if (found := self.view.found) is not None:
            export_plot(self, self.desk, self.view.histogram, f"{found.site}.f{found.number}-activations")

    def trace(self, example: int) -> None:
        """Ask for the circuit of the feature that is shown, where it fires in an example."""
        model = self.shelf.model if self.shelf is not None else ""
        question = asked(self.view.found, example, model, self.folders)
        if question is not None:
            self.desk.panel_wanted.emit("feature-circuit")
            self.desk.asking.ask(question)

    def import_explanations(self, path: Path) -> None:
        """Read a file of explanations into the store."""
        part = self.site.currentText()[:1] or None
        self.desk.ask(ImportExplanations(path, part, self.words.path))

    # what comes

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen):
            return
        match reply.look, reply.result:
            case OpenFeatures(), _ if reply.look == self._asked:
                self._opened(reply)
            case ReadFeature(), Dashboard():
                self._show_dashboard(reply.result)
            case ImportExplanations(), (found, new, left_out):
                more = f"{new:,} of them new" + (f"; {left_out}" if left_out else "")
                self.desk.say(f"{found:,} explanations in {reply.look.path.name}, {more}")
                self._show_site(keep=True)
            case ImportExplanations(), None:
                self.desk.failed.emit(Failed("The explanations were not read", reply.why))

    def _opened(self, reply: Seen) -> None:
        if reply.why and self._before is not None:
            (self.shelf, self.folders), self._before = self._before, None
            self._tell_shelf()
            self.desk.failed.emit(Failed("The dictionaries were not added", reply.why))
            return
        if reply.why:
            self.shelf, self._asked = None, None
            self._say(reply.why)
            return
        before, self.shelf = self.site.currentText(), reply.result
        self._tell_shelf(indexing=not reply.done)
        self.site.blockSignals(True)
        self.site.clear()
        self.site.addItems(list(reply.result.sites))
        self.site.setCurrentText(before if before in reply.result.sites else next(iter(reply.result.sites)))
        self.site.blockSignals(False)
        self._show_site(keep=True)
        if self._wanted is not None:
            self.choose(*self._wanted)

    def _tell_shelf(self, indexing: bool = False) -> None:
        if self.shelf is not None:
            self._say(describe_shelf(self.shelf, indexing))

    def _show_dashboard(self, found: Dashboard | None) -> None:
        if found is None or self.shelf is None:
            return self.view.show_feature(None, {}, [], ())
        said = self.words.of(self.shelf.model, found.site, found.number)
        standing = self.words.standing(found.site, found.number)
        self.view.show_feature(found, self.rows.captions, said, standing)
        self.desk.choose_feature(found.site, found.number)

    def _show_site(self, keep: bool = False) -> None:
        shelf, site = self.shelf, self.site.currentText()
        self.fit.show_fit(shelf, site)
        if shelf is None or not site:
            self.rows.show_site("", 0, (), {})
            return
        at = self.table.currentIndex()
        row = self.filter.mapToSource(at).row() if keep and at.isValid() and self.rows.site == site else -1
        captions = self.words.captions(shelf.model, site)
        self.rows.show_site(site, shelf.sites[site], shelf.rows.get(site, ()), captions)
        first = self.filter.mapFromSource(self.rows.index(row, 0)) if row >= 0 else self.filter.index(0, 0)
        if first.isValid():
            self.table.setCurrentIndex(first)
            self.table.scrollTo(first)

    def _row_chosen(self, now: QModelIndex, _before: QModelIndex) -> None:
        if self.shelf is not None and now.isValid():
            self.desk.ask(ReadFeature(self.rows.site, self.filter.mapToSource(now).row()))

    def _follow_selection(self) -> None:
        if len(self.desk.nodes) == 1 and (found := feature_name(next(iter(self.desk.nodes)))):
            self.desk.choose_feature(found.site, found.feature)

    def _follow_feature(self) -> None:
        shown, wanted = self.view.found, self.desk.feature
        if wanted is not None and (shown is None or (shown.site, shown.number) != wanted):
            self.choose(*wanted)

    def _label(self, text: str) -> None:
        found = self.view.found
        if found is None or self.shelf is None:
            return
        self.words.say(self.shelf.model, found.site, found.number, text)
        self._show_site(keep=True)

    def put_labels(self) -> None:
        """Label the circuit's nodes by the names given to their features."""
        if self.shelf is not None:
            number = self.words.put(self.shelf.model)
            self.desk.say(f"{number} nodes labelled as you call their features" if number else NO_LABELS)

    def _refresh(self) -> None:
        if (found := self.view.found) is not None and self.seen and self.shelf is not None:
            standing = self.words.standing(found.site, found.number)
            said = self.words.of(self.shelf.model, found.site, found.number)
            if (standing, said) != (self.view.standing, self.view.said):
                self._show_dashboard(found)

    def _model_came(self) -> None:
        if self.shelf is None or self.desk.opened is None or self.desk.opened.model != self.shelf.model:
            self.shelf, self._asked, (self.folders, self.text) = None, None, NOWHERE
            self._show_site()
            self._show_dashboard(None)
            self._say("")
            self._begin()

    def _begin(self) -> None:
        opened = self.desk.opened
        if self.seen and opened is not None and self._asked is None:
            self._say("Open a folder of dictionaries that were trained on this model.")
            question = self.desk.asking.question
            if question is not None and question.dictionaries:
                self.open(question.dictionaries, None)
            elif opened.model == "demo":
                self.open((), None)

    def _say(self, text: str) -> None:
        self.where.setText(text or "No model is open yet.")
        self.where.setToolTip(self.where.text())
        self.fit.show_fit(self.shelf, self.site.currentText())
        has = self.shelf is not None
        for widget in (self.site, self.search, self.table):
            widget.setEnabled(has)
        self.files.allow(self.desk.opened is not None, has)

    def _build(self) -> None:
        self.where.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top = QHBoxLayout(spacing=6)
        top.setContentsMargins(12, 0, 12, 0)
        top.addWidget(self.where, 1)
        top.addWidget(self.files)
        choosing = QHBoxLayout(spacing=6)
        self.site.setMinimumWidth(72)
        choosing.addWidget(self.site)
        choosing.addWidget(self.search, 1)
        left = QWidget()
        column = QVBoxLayout(left, spacing=4)
        column.setContentsMargins(12, 0, 0, 0)
        column.addLayout(choosing)
        column.addWidget(self.fit)
        column.addWidget(self.table, 1)
        split = QSplitter()
        split.addWidget(left)
        split.addWidget(self.view)
        split.setStretchFactor(1, 1)
        split.setSizes([262, 460])
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 8, 0, 8)
        whole.addLayout(top)
        whole.addWidget(split, 1)
