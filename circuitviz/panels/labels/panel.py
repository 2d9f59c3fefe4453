"""Labels panel: roles of nodes, edges and groups, with author, confidence and tests."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import (
    QColorDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableView,
    QTabWidget,
    QToolButton,
    QWidget,
)

from circuitviz.document import Evidence, Label, add_evidence, remove_labels, set_label, set_labels
from circuitviz.document.label_commands import colour_classes
from circuitviz.document.labels import DEFAULT_LABEL_COLOUR, colour_for_role, target_kind
from circuitviz.errors import InputError
from circuitviz.formats.label_files import read_labels, write_labels
from circuitviz.panels.labels.evidence_box import EvidenceBox
from circuitviz.panels.labels.labels_table import (
    ROLE_COLUMN,
    LabelsSortProxy,
    LabelsTableModel,
    RoleBox,
    RoleDelegate,
)
from circuitviz.panels.labels.role_suggestions import RoleSuggestions
from circuitviz.panels.labels.round_box import RoundBox
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.fields import LEFT_ALIGNED
from circuitviz.panels.widgets.file_dialogs import ask_open_file, ask_save_file
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row, make_splitter
from circuitviz.panels.widgets.tables import set_up_table
from circuitviz.scene.theme import Theme
from circuitviz.workspace.file_names import propose_stem
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace

EMPTY_MESSAGE = (
    "No labels. Select nodes or edges on the canvas, type a role and press Enter; or start a "
    "labelling round (Shift+L), which goes through the unlabelled nodes, the strongest first."
)
LABEL_FILE_FILTER = "Labels (*.jsonl *.csv)"


@panels.register(
    "labels",
    summary="roles of nodes and edges, with evidence",
    title="Labels",
    area="bottom",
    place="notes",
    order=3,
)
class LabelsPanel(Panel):
    """The table of labels on the left; evidence, suggestions and the labelling round on the right."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.table_model = LabelsTableModel(workspace)
        self.sort_proxy = LabelsSortProxy(self.table_model)
        self.table_view = QTableView(accessibleName="Labels")
        self.role_delegate = RoleDelegate(workspace)  # the table does not own it
        self.filter_field = QLineEdit(placeholderText="Filter labels", clearButtonEnabled=True)
        self.filter_field.setAccessibleName("Filter labels")
        self.author_field = QLineEdit(placeholderText="Your name", accessibleName="Author of new labels")
        self.role_box = RoleBox(workspace)
        self.label_button = QPushButton("Label", toolTip="label the selected nodes and edges with this role")
        self.groups_button = QToolButton(
            text="Groups ▾", toolTip="label a group or a class of labelled nodes"
        )
        self.more_button = QToolButton(text="More ▾")
        self.evidence_box = EvidenceBox(workspace)
        self.role_suggestions = RoleSuggestions(workspace)
        self.round_box = RoundBox(workspace)
        self.tabs = QTabWidget()
        self.empty_label = QLabel(EMPTY_MESSAGE, objectName="muted", wordWrap=True)
        self.empty_label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.empty_label.setContentsMargins(2, 6, 12, 0)
        self.detached_labels_note = QLabel("", objectName="muted", wordWrap=True)
        self.detached_labels_note.setContentsMargins(2, 2, 12, 6)
        self._build()
        self._connect_signals()
        self._update_table_visibility()

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours for classes and verdicts."""
        super().set_theme(theme)
        self.table_model.set_theme(theme)

    def label_targets(self, targets: list[str]) -> None:
        """Give the typed role to nodes, edges or groups; other fields of existing labels stay."""
        text, labels = self.role_box.currentText().strip(), self.workspace.document.state.labels
        if not text or not targets:
            self.workspace.post_message(
                "Type a role first." if not text else "Select nodes or edges to label."
            )
            return
        colour, author = colour_for_role(labels, text), self.author_field.text().strip()
        new_labels = {}
        for target in targets:
            previous = labels.get(target)
            new_labels[target] = replace(previous or Label(text, author=author), text=text, colour=colour)
        self.workspace.apply_command(
            set_labels(new_labels, f"Label {targets[0]}" if len(targets) == 1 else "")
        )
        self.select_target(targets[0])

    def select_target(self, target: str) -> None:
        """Select the row of a label."""
        if target in self.table_model.targets:
            index = self.sort_proxy.mapFromSource(
                self.table_model.index(self.table_model.targets.index(target), 0)
            )
            flags = QItemSelectionModel.SelectionFlag
            self.table_view.selectionModel().select(index, flags.ClearAndSelect | flags.Rows)
            self.table_view.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            self.table_view.scrollTo(index)

    def selected_targets(self) -> list[str]:
        """Targets of the selected rows."""
        rows = self.table_view.selectionModel().selectedRows()
        return [self.table_model.targets[self.sort_proxy.mapToSource(index).row()] for index in rows]

    def begin_round(self) -> None:
        """Start a round over all unlabelled nodes, the strongest first."""
        self.round_box.author = self.author_field.text().strip()
        self.round_box.begin_round()
        self._update_round_tab()

    def export_labels(self, path: Path) -> bool:
        """Write all labels to a JSONL or CSV file; False where that failed."""
        return self.workspace.run_guarded(
            write_labels,
            self.workspace.document.state,
            path,
            title=f"Could not export the labels to {path.name}",
        )

    def import_labels(self, path: Path) -> bool:
        """Import labels as one undo step; False where that failed."""
        return self.workspace.run_guarded(
            self._import_labels, path, title=f"Could not import the labels of {path.name}"
        )

    def _import_labels(self, path: Path) -> None:
        circuit = self.workspace.document.state.circuit
        if circuit is None:
            raise InputError("Labels can be imported into an open circuit only; open the circuit first.")
        labels, unknown = read_labels(path, circuit.graph)
        if not labels:
            raise InputError(
                f"'{path.name}' has {len(unknown)} labels, none of them for nodes or edges of this model."
            )
        self.workspace.apply_command(set_labels(labels, f"Import {len(labels)} labels"))
        unknown_note = (
            f"; {len(unknown)} are for nodes or edges that this model does not have" if unknown else ""
        )
        self.workspace.post_message(f"{len(labels)} labels imported{unknown_note}")

    def choose_export_file(self) -> None:
        """Ask for the file to export the labels to."""
        name = f"{propose_stem(self.workspace.document)}-labels.jsonl"
        path = ask_save_file(
            self, "Export the labels", name, LABEL_FILE_FILTER, "labels", self.workspace.user_settings
        )
        if path is not None:
            self.export_labels(path)

    def choose_import_file(self) -> None:
        """Ask for the file to import labels from."""
        path = ask_open_file(self, "Import labels", LABEL_FILE_FILTER, "labels", self.workspace.user_settings)
        if path is not None:
            self.import_labels(path)

    def _connect_signals(self) -> None:
        workspace = self.workspace
        self.filter_field.textChanged.connect(self.sort_proxy.set_filter_text)
        self.author_field.editingFinished.connect(
            lambda: setattr(self.workspace.user_settings, "author", self.author_field.text())
        )
        self.label_button.clicked.connect(
            lambda: self.label_targets([*sorted(workspace.selected_nodes), *sorted(workspace.selected_edges)])
        )
        self.role_box.role_field.returnPressed.connect(self.label_button.click)
        self.table_view.selectionModel().selectionChanged.connect(lambda *_: self._on_row_selected())
        self.table_model.modelReset.connect(self._update_table_visibility)
        self.role_suggestions.role_accepted.connect(self._accept_suggestion)
        self.round_box.round_ended.connect(self._update_round_tab)
        workspace.selection_changed.connect(self._on_selection_changed)
        workspace.document_opened.connect(lambda: self.evidence_box.show_target(""))

    def _update_table_visibility(self) -> None:
        self.table_view.setVisible(bool(self.table_model.targets))
        self.empty_label.setVisible(not self.table_model.targets)
        number = len(self.workspace.document.state.detached.labels)
        self.detached_labels_note.setVisible(number > 0)
        self.detached_labels_note.setText(
            f"{number} label{'s belong' if number > 1 else ' belongs'} to components hidden in the "
            "current basis."
        )
        self.select_target(self.evidence_box.target)
        self._select_row_of_selection()  # which may have got its label just now

    def _on_row_selected(self) -> None:
        """Show the label's evidence and select its target on the canvas."""
        targets = self.selected_targets()
        if len(targets) == 1 and targets[0] != self.evidence_box.target:
            self.evidence_box.show_target(targets[0])
            nodes, edges = self.workspace.document.state.target_members(targets[0])
            self.workspace.set_selection(frozenset(nodes), frozenset(edges))

    def _on_selection_changed(self) -> None:
        self.role_suggestions.show_node(
            next(iter(self.workspace.selected_nodes)) if len(self.workspace.selected_nodes) == 1 else ""
        )
        self._select_row_of_selection()

    def _select_row_of_selection(self) -> None:
        names = [*self.workspace.selected_nodes, *self.workspace.selected_edges]
        if len(names) == 1 and names[0] in self.table_model.targets and names[0] != self.evidence_box.target:
            self.select_target(names[0])

    def _accept_suggestion(self, test: str, role: str) -> None:
        node, labels = self.role_suggestions.node, self.workspace.document.state.labels
        old = labels.get(node)
        if old is None or old.text != role:
            self.role_box.setCurrentText(role)
            self.label_targets([node])
        claim = f"it scores as {role} heads do"
        self.workspace.apply_command(add_evidence(node, Evidence(claim, "role", {"role": test})))
        self.evidence_box.show_target(node)
        self.select_target(node)
        self.tabs.setCurrentWidget(self.evidence_box)

    def _update_round_tab(self) -> None:
        running = self.round_box.is_running
        self.tabs.setTabVisible(self.tabs.indexOf(self.round_box), running)
        if running:
            self.tabs.setCurrentWidget(self.round_box)
            self.round_box.role_box.setFocus()

    def _fill_groups_menu(self) -> None:
        menu, state = self.groups_button.menu(), self.workspace.document.state
        menu.clear()
        names = [f"group:{name}" for name in state.groups] + [
            f"class:{name}" for name in state.nodes_by_label
        ]
        for name in names:
            caption = f"{target_kind(name).capitalize()} {name.partition(':')[2]}"
            menu.addAction(escape_mnemonics(caption), partial(self._label_group, name))
        if not names:
            menu.addAction("No groups and no labelled nodes").setEnabled(False)

    def _label_group(self, target: str) -> None:
        if not self.role_box.currentText().strip():
            self.role_box.setCurrentText(target.partition(":")[2])
        self.label_targets([target])

    def _pick_colour(self) -> None:
        targets, labels = self.selected_targets(), self.workspace.document.state.labels
        if targets:
            colour = QColorDialog.getColor(
                labels[targets[0]].colour or DEFAULT_LABEL_COLOUR, self, "Colour of the label"
            )
            if colour.isValid():
                self.set_colour(targets, colour.name())

    def set_colour(self, targets: list[str], colour: str) -> None:
        """Set the colour of labels and of their classes."""
        self.workspace.apply_command(colour_classes(targets, colour))

    def _remove_selected(self) -> None:
        targets = self.selected_targets()
        if len(targets) == 1:
            self.workspace.apply_command(set_label(targets[0], None))
        elif targets:
            self.workspace.apply_command(remove_labels(targets))

    def _build(self) -> None:
        self.table_view.setModel(self.sort_proxy)
        self.table_view.setSortingEnabled(True)
        self.table_view.sortByColumn(ROLE_COLUMN, Qt.SortOrder.AscendingOrder)
        self.table_view.setItemDelegateForColumn(ROLE_COLUMN, self.role_delegate)
        set_up_table(self.table_view)
        header = self.table_view.horizontalHeader()
        header.setDefaultAlignment(LEFT_ALIGNED)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.author_field.setText(self.workspace.user_settings.author)
        self.author_field.setMaximumWidth(104)
        self.role_box.setMinimumWidth(120)
        for button, menu in ((self.groups_button, QMenu(self)), (self.more_button, QMenu(self))):
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.groups_button.menu().aboutToShow.connect(self._fill_groups_menu)
        for text, action in (
            ("Labelling round", self.begin_round),
            ("Import labels…", self.choose_import_file),
            ("Export labels…", self.choose_export_file),
            ("Colour…", self._pick_colour),
            ("Remove labels", self._remove_selected),
        ):
            self.more_button.menu().addAction(text, action)
        self.tabs.addTab(self.evidence_box, "Evidence")
        self.tabs.addTab(self.role_suggestions, "Suggest")
        self.tabs.addTab(self.round_box, "Round")
        self.tabs.setTabVisible(2, False)
        left = QWidget()
        lay_out_column(self.table_view, (self.empty_label, 1), self.detached_labels_note, parent=left)
        split = make_splitter(left, self.tabs, sizes=(340, 320), is_collapsible=False)
        top = lay_out_row(
            (self.role_box, 2),
            self.label_button,
            self.groups_button,
            self.author_field,
            (self.filter_field, 1),
            self.more_button,
            spacing=6,
            margins=(0, 0, 12, 0),
        )
        lay_out_column(top, (split, 1), parent=self, spacing=6, margins=(12, 8, 0, 0))
