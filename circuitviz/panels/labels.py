"""Labels: who says that a part does what, how sure, and what the tests of it found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QSettings, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QTableView,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import Theme
from circuitviz.errors import InputError
from circuitviz.panels.desk import Desk
from circuitviz.panels.labelling.evidence import EvidenceBox
from circuitviz.panels.labelling.round_box import RoundBox
from circuitviz.panels.labelling.suggestions import Suggestions
from circuitviz.panels.labelling.table import ROLE, LabelsModel, LabelsOrder, RoleBox, RoleDelegate
from circuitviz.panels.plain import as_caption
from circuitviz.panels.registry import Panel, panels
from circuitviz.session import Evidence, Label, add_evidence, remove_labels, set_label, set_labels
from circuitviz.session.labels import COLOUR, colour_for, kind_of

EMPTY = (
    "Nothing is labelled yet. Select nodes or edges on the canvas, type a role and press Enter; or start a "
    "labelling round (Shift+L), which asks for one node after another, the strongest first."
)
KINDS = "Labels (*.jsonl *.csv)"


@panels.register("labels", summary="what parts do", title="Labels", area="bottom", order=3, height=340)
class LabelsPanel(Panel):
    """The table on the left; evidence, suggestions and the labelling round on the right."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.model = LabelsModel(desk)
        self.order = LabelsOrder(self.model)
        self.table = QTableView(accessibleName="Labels")
        self.roles = RoleDelegate(desk)  # the table does not own it
        self.filter = QLineEdit(placeholderText="Filter labels", clearButtonEnabled=True)
        self.filter.setAccessibleName("Filter labels")
        self.author = QLineEdit(placeholderText="Your name", accessibleName="Author of new labels")
        self.role = RoleBox(desk)
        self.put = QPushButton("Label", toolTip="give this role to what is selected on the canvas")
        self.wider = QToolButton(text="Groups ▾", toolTip="label a group, or a class of labelled nodes")
        self.more = QToolButton(text="More ▾")
        self.evidence = EvidenceBox(desk)
        self.suggestions = Suggestions(desk)
        self.rounds = RoundBox(desk)
        self.tabs = QTabWidget()
        self.empty = QLabel(EMPTY, objectName="muted", wordWrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.empty.setContentsMargins(2, 6, 12, 0)
        self.aside = QLabel("", objectName="muted", wordWrap=True)
        self.aside.setContentsMargins(2, 2, 12, 6)
        self._build()
        self._connect()
        self._reset()

    def set_theme(self, theme: Theme) -> None:
        """Verdicts in the theme's colours."""
        self.evidence.set_theme(theme)

    def label_parts(self, targets: list[str]) -> None:
        """Give the typed role to parts; what else their labels say stays."""
        text, labels = self.role.currentText().strip(), self.desk.document.state.labels
        if not text or not targets:
            self.desk.say("Type a role and select what has it." if not text else "Nothing is selected.")
            return
        colour, author = colour_for(labels, text), self.author.text().strip()
        made = {}
        for target in targets:
            old = labels.get(target)
            made[target] = replace(old or Label(text, author=author), text=text, colour=colour)
        self.desk.do(set_labels(made, f"Label {targets[0]}" if len(targets) == 1 else ""))
        self.choose(targets[0])

    def choose(self, target: str) -> None:
        """Go to a label's row."""
        if target in self.model.targets:
            index = self.order.mapFromSource(self.model.index(self.model.targets.index(target), 0))
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().select(index, flags.ClearAndSelect | flags.Rows)
            self.table.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            self.table.scrollTo(index)

    def chosen(self) -> list[str]:
        """The targets of the selected rows."""
        rows = self.table.selectionModel().selectedRows()
        return [self.model.targets[self.order.mapToSource(index).row()] for index in rows]

    def begin_round(self, blind: bool = False) -> None:
        """Walk through unlabelled nodes; or blind through labelled ones."""
        self.rounds.author = self.author.text().strip()
        self.rounds.begin(blind)
        self._show_round()

    def export(self, path: Path) -> bool:
        """Write all labels."""
        from circuitviz.formats.label_files import write_labels

        return self.desk.guarded(write_labels, self.desk.document.state, path)

    def take(self, path: Path) -> bool:
        """Import labels as one step; names that the model does not have are told."""
        return self.desk.guarded(self._take, path)

    def _take(self, path: Path) -> None:
        from circuitviz.formats.label_files import read_labels

        circuit = self.desk.document.state.circuit
        if circuit is None:
            raise InputError("There is no circuit yet whose parts these labels could be; open one first.")
        labels, foreign = read_labels(path, circuit.graph)
        if not labels:
            raise InputError(f"'{path.name}' has {len(foreign)} labels, none of them of this model's parts.")
        self.desk.do(set_labels(labels, f"Import {len(labels)} labels"))
        left = f"; {len(foreign)} are of parts that this model does not have" if foreign else ""
        self.desk.say(f"{len(labels)} labels imported{left}")

    def ask_export(self) -> None:
        """Choose where labels go."""
        path, _ = QFileDialog.getSaveFileName(self, "Export the labels", "labels.jsonl", KINDS)
        if path:
            self.export(Path(path))

    def ask_import(self) -> None:
        """Choose a file of labels."""
        path, _ = QFileDialog.getOpenFileName(self, "Import labels", "", KINDS)
        if path:
            self.take(Path(path))

    def _connect(self) -> None:
        desk = self.desk
        self.filter.textChanged.connect(self.order.keep)
        self.author.editingFinished.connect(lambda: QSettings().setValue("author", self.author.text()))
        self.put.clicked.connect(lambda: self.label_parts([*sorted(desk.nodes), *sorted(desk.edges)]))
        self.role.line.returnPressed.connect(self.put.click)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._row_chosen())
        self.model.modelReset.connect(self._reset)
        self.suggestions.accepted.connect(self._accept)
        self.rounds.ended.connect(self._show_round)
        desk.selection_changed.connect(self._selection_changed)
        desk.document_opened.connect(lambda: self.evidence.show_target(""))

    def _reset(self) -> None:
        self.table.setVisible(bool(self.model.targets))
        self.empty.setVisible(not self.model.targets)
        self.empty.setText("Labels are hidden until the blind round ends." if self.desk.blind else EMPTY)
        number = 0 if self.desk.blind else len(self.desk.document.state.aside.labels)
        self.aside.setVisible(number > 0)
        self.aside.setText(f"{number} more of parts that are not shown now; they come back with them.")
        self.choose(self.evidence.target)

    def _row_chosen(self) -> None:
        """A row's label is shown, and its part selected on the canvas."""
        targets = self.chosen()
        if len(targets) == 1 and targets[0] != self.evidence.target:
            self.evidence.show_target(targets[0])
            nodes, edges = self.desk.document.state.parts(targets[0])
            self.desk.select(frozenset(nodes), frozenset(edges))

    def _selection_changed(self) -> None:
        names = [*self.desk.nodes, *self.desk.edges]
        self.suggestions.show_node(next(iter(self.desk.nodes)) if len(self.desk.nodes) == 1 else "")
        if len(names) == 1 and names[0] in self.model.targets and names[0] != self.evidence.target:
            self.choose(names[0])

    def _accept(self, test: str, role: str) -> None:
        node, labels = self.suggestions.node, self.desk.document.state.labels
        old = labels.get(node)
        if old is None or old.text != role:
            self.role.setCurrentText(role)
            self.label_parts([node])
        claim = f"it scores as {role} heads do"
        self.desk.do(add_evidence(node, Evidence(claim, "role", {"role": test})))
        self.evidence.show_target(node)
        self.choose(node)
        self.tabs.setCurrentWidget(self.evidence)

    def _show_round(self) -> None:
        running = self.rounds.running
        self.tabs.setTabVisible(self.tabs.indexOf(self.rounds), running)
        if running:
            self.tabs.setCurrentWidget(self.rounds)
            self.rounds.role.setFocus()
        for widget in (self.put, self.wider, self.role):
            widget.setEnabled(not self.desk.blind)

    def _offer_groups(self) -> None:
        menu, state = self.wider.menu(), self.desk.document.state
        menu.clear()
        names = [f"group:{name}" for name in state.groups] + [f"class:{name}" for name in state.classes]
        for name in names:
            said = f"{kind_of(name).capitalize()} {name.partition(':')[2]}"
            menu.addAction(as_caption(said), partial(self._wide, name))
        if not names:
            menu.addAction("No groups and no labelled nodes yet").setEnabled(False)

    def _wide(self, target: str) -> None:
        if not self.role.currentText().strip():
            self.role.setCurrentText(target.partition(":")[2])
        self.label_parts([target])

    def _pick_colour(self) -> None:
        targets, labels = self.chosen(), self.desk.document.state.labels
        if targets:
            chosen = QColorDialog.getColor(labels[targets[0]].colour or COLOUR, self, "Colour of the label")
            if chosen.isValid():
                self.colour(targets, chosen.name())

    def colour(self, targets: list[str], colour: str) -> None:
        """Give labels a colour."""
        labels = self.desk.document.state.labels
        self.desk.do(set_labels({t: replace(labels[t], colour=colour) for t in targets}, "Colour labels"))

    def _remove(self) -> None:
        targets = self.chosen()
        if len(targets) == 1:
            self.desk.do(set_label(targets[0], None))
        elif targets:
            self.desk.do(remove_labels(targets))

    def _build(self) -> None:
        self.table.setModel(self.order)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(ROLE, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setItemDelegateForColumn(ROLE, self.roles)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.author.setText(str(QSettings().value("author", "", type=str)))
        self.author.setMaximumWidth(104)
        self.role.setMinimumWidth(120)
        for button, menu in ((self.wider, QMenu(self)), (self.more, QMenu(self))):
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.wider.menu().aboutToShow.connect(self._offer_groups)
        for text, work in (
            ("Labelling round", partial(self.begin_round, False)),
            ("Blind re-labelling", partial(self.begin_round, True)),
            ("Import labels…", self.ask_import),
            ("Export labels…", self.ask_export),
            ("Colour…", self._pick_colour),
            ("Remove labels", self._remove),
        ):
            self.more.menu().addAction(text, work)
        top = QHBoxLayout(spacing=6)
        top.addWidget(self.role, 2)
        for widget in (self.put, self.wider, self.author):
            top.addWidget(widget)
        top.addWidget(self.filter, 1)
        top.addWidget(self.more)
        self.tabs.addTab(self.evidence, "Evidence")
        self.tabs.addTab(self.suggestions, "Suggest")
        self.tabs.addTab(self.rounds, "Round")
        self.tabs.setTabVisible(2, False)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addWidget(self.empty, 1)
        column.addWidget(self.aside)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.tabs)
        split.setSizes([340, 320])
        split.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 0, 0)
        whole.setSpacing(6)
        top.setContentsMargins(0, 0, 12, 0)
        whole.addLayout(top)
        whole.addWidget(split, 1)
