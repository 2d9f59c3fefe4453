"""Table of labels that sorts, filters and is edited in place; every edit is an undoable command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSortFilterProxyModel, QStringListModel, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from circuitviz.document import ROLES, EvidenceContext, Label, set_label
from circuitviz.document.labels import class_key, colour_for_role, target_kind
from circuitviz.panels.features.feature_labels import FeatureLabels
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.tables import AnyIndex, TitledTableModel
from circuitviz.scene.class_colours import class_colours, class_titles, colour_in_theme, label_colour
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workspace.workspace import Workspace

COLUMN_TITLES = ("Part", "Role", "Evidence", "Sure", "Author", "Note")
PART_COLUMN, ROLE_COLUMN, EVIDENCE_COLUMN, CONFIDENCE_COLUMN, AUTHOR_COLUMN, NOTE_COLUMN = range(6)
VERDICT_SIGNS = {"holds": "✓", "fails": "✗", "undecided": "?"}
EDITABLE_COLUMNS = (ROLE_COLUMN, CONFIDENCE_COLUMN, AUTHOR_COLUMN, NOTE_COLUMN)


class LabelsTableModel(TitledTableModel):
    """One row per label; confidence in percent, evidence as counts of verdicts."""

    TITLES = COLUMN_TITLES

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.theme, self.targets = LIGHT, list[str]()
        self._labels: Mapping[str, Label] = {}  # those of the rows: a view may ask before it hears of others
        self._colours: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        workspace.state_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the document's labels; rows stay in place as long as the same targets are labelled."""
        state = self.workspace.state
        self._colours, self._titles = class_colours(state), class_titles(state)
        targets = list(state.labels)
        if targets == self.targets:
            self._labels = state.labels
            last = self.index(self.rowCount() - 1, len(COLUMN_TITLES) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.targets, self._labels = targets, state.labels
        self.endResetModel()

    def set_theme(self, theme: Theme) -> None:
        """Show the colours of classes as they are in a theme."""
        self.theme = theme
        self.refresh()

    def label_at(self, row: int) -> Label:
        """Label in a row."""
        return self._labels[self.targets[row]]

    @property
    def n_rows(self) -> int:
        """Number of labels."""
        return len(self.targets)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Role, confidence, author and note are editable."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in EDITABLE_COLUMNS else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour, tooltip, and the sort key (``UserRole``) of a cell."""
        if not index.isValid() or index.row() >= len(self.targets):
            return None
        target, label, column = self.targets[index.row()], self.label_at(index.row()), index.column()
        roles = Qt.ItemDataRole
        if role == roles.DisplayRole:
            sure = "" if label.confidence is None else f"{label.confidence:.0%}"
            counts = evidence_counts(label, self.workspace.document.state.evidence_context_of(target))
            role_text = self._titles.get(self.workspace.state.class_of(label), label.text)
            shown = role_text if target_kind(target) == "node" else label.text
            return (target, shown, counts, sure, label.author, label.note)[column]
        if role == roles.EditRole:
            percent = "" if label.confidence is None else f"{100 * label.confidence:g}"
            return {
                ROLE_COLUMN: label.text,
                CONFIDENCE_COLUMN: percent,
                AUTHOR_COLUMN: label.author,
                NOTE_COLUMN: label.note,
            }.get(column)
        if role == roles.DecorationRole and column == ROLE_COLUMN:
            colour = label_colour(self.workspace.state, self._colours, target, label)
            return QColor(colour_in_theme(colour, self.theme)) if colour else None
        if role == roles.ForegroundRole and self._is_ablated(target):
            return QGuiApplication.palette().brush(QPalette.ColorRole.PlaceholderText)  # dimmed
        if role == roles.ToolTipRole and column == PART_COLUMN and self._is_ablated(target):
            return f"{target} is ablated"
        if role == roles.ToolTipRole and column in (NOTE_COLUMN, EVIDENCE_COLUMN):
            claims = [f"{e.outcome.verdict if e.outcome else 'not run'}: {e.claim}" for e in label.evidence]
            return "\n".join(claims) if column == EVIDENCE_COLUMN else label.note
        if role == roles.TextAlignmentRole and column == CONFIDENCE_COLUMN:
            return int(RIGHT_ALIGNED)
        if role == roles.UserRole:
            holding = sum(e.outcome is not None and e.outcome.verdict == "holds" for e in label.evidence)
            sure_first = -1.0 if label.confidence is None else label.confidence
            return {CONFIDENCE_COLUMN: sure_first, EVIDENCE_COLUMN: holding}.get(column, self.data(index))
        return None

    def _is_ablated(self, target: str) -> bool:
        """Whether all nodes and edges that a label is of are ablated."""
        state = self.workspace.state
        nodes, edges = state.target_members(target)
        return bool(nodes or edges) and {*nodes, *edges} <= state.ablated_nodes | state.ablated_edges

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Change a label; False where the value is invalid, such as a confidence of 120."""
        target, label = self.targets[index.row()], self.label_at(index.row())
        text = str(value).strip()
        if index.column() == ROLE_COLUMN:
            if not text:
                return False
            other_labels = {t: x for t, x in self.workspace.document.state.labels.items() if t != target}
            same_role = any(class_key(x.text) == class_key(text) for x in other_labels.values())
            changed = replace(
                label, text=text, colour=colour_for_role(other_labels, text) if same_role else label.colour
            )
        elif index.column() == CONFIDENCE_COLUMN:
            confidence = parse_confidence(text)
            if confidence is None and text:
                return False
            changed = replace(label, confidence=confidence)
        else:
            by_author = index.column() == AUTHOR_COLUMN
            changed = replace(label, author=text) if by_author else replace(label, note=text)
        self.workspace.apply_command(set_label(target, changed))
        return True


class LabelsSortProxy(QSortFilterProxyModel):
    """Sorts numbers as numbers, and filters rows by words in any column."""

    def __init__(self, source: LabelsTableModel) -> None:
        super().__init__()
        self.setSourceModel(source)
        self.setSortRole(Qt.ItemDataRole.UserRole)
        self.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter_words: list[str] = []

    def set_filter_text(self, text: str) -> None:
        """Show the rows that contain every word of a text."""
        self.filter_words = text.lower().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: AnyIndex) -> bool:
        """Whether a row contains every word."""
        model = self.sourceModel()
        cells = (str(model.index(row, column, parent).data() or "") for column in range(len(COLUMN_TITLES)))
        row_text = " ".join(cells).lower()
        return all(word in row_text for word in self.filter_words)


class RoleDelegate(QStyledItemDelegate):
    """Edits a role with a combo box that suggests known roles and takes any text."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        """An editable combo box."""
        return RoleBox(self._workspace, parent)

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        """Start with the current role."""
        assert isinstance(editor, RoleBox)
        editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))
        editor.role_field.selectAll()

    def setModelData(self, editor: QWidget, model: Any, index: AnyIndex) -> None:
        """Store the edited role."""
        assert isinstance(editor, RoleBox)
        model.setData(index, editor.currentText())


def offered_roles(workspace: Workspace) -> list[str]:
    """Labels of the selected feature elsewhere, roles from the literature, and roles in the open circuit."""
    in_use = [label.text for label in workspace.state.labels.values()]
    offered = [*FeatureLabels(workspace).suggested_labels(), *ROLES, *in_use]
    spellings: dict[str, str] = {}  # that in use first: a new label of the class gets it, too
    for text in (*in_use, *offered):
        spellings.setdefault(class_key(text), text)
    return list(dict.fromkeys(spellings[class_key(text)] for text in offered))


class RoleCompleter(QCompleter):
    """Offers roles below a line edit; Tab takes the first or the highlighted one, Enter what was typed."""

    def __init__(self, workspace: Workspace, role_field: QLineEdit) -> None:
        super().__init__(role_field)
        self._workspace, self._roles_model, self._field = workspace, QStringListModel(self), role_field
        self.setModel(self._roles_model)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        if (popup := self.popup()) is not None:  # rows as high as those of combo boxes
            popup.setObjectName("completions")
            popup.setItemDelegate(QStyledItemDelegate(popup))
        role_field.textEdited.connect(lambda _text: self.refresh_roles())
        self.refresh_roles()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Complete on Tab while roles are offered; otherwise Tab goes to the next field."""
        popup = self.popup()
        is_tab = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab
        if is_tab and event.type() is QEvent.Type.KeyPress and popup is not None and popup.isVisible():
            highlighted, first = popup.currentIndex(), self.completionModel().index(0, 0)
            text = (highlighted if highlighted.isValid() else first).data()
            popup.hide()
            if text and text != self._field.text():
                self._field.setText(text)
                self._field.setModified(True)
                return True
            return False
        return super().eventFilter(watched, event)

    def refresh_roles(self) -> None:
        """Update the completions."""
        if (roles := offered_roles(self._workspace)) != self._roles_model.stringList():
            self._roles_model.setStringList(roles)


class RoleBox(ComboBox):
    """Editable combo box of roles; any text is accepted."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Role")
        self._workspace = workspace
        self.role_field = QLineEdit(placeholderText="Role", accessibleName="Role")
        self.setLineEdit(self.role_field)
        self.setCompleter(RoleCompleter(workspace, self.role_field))
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.refresh_roles()

    def refresh_roles(self) -> None:
        """Update the list and keep the text."""
        text = self.currentText()
        self.clear()
        self.addItems(offered_roles(self._workspace))
        self.setCurrentText(text)

    def showPopup(self) -> None:
        """Update the list before it opens."""
        self.refresh_roles()
        super().showPopup()


def parse_confidence(text: str) -> float | None:
    """Parses ``80``, ``80 %`` or ``0.8`` as 0.8; None where it is no confidence.

    >>> [parse_confidence(t) for t in ("80 %", "0.8", "1", "120", "high")]
    [0.8, 0.8, 0.01, None, None]
    """
    try:
        number = float(text.rstrip("% "))
    except ValueError:
        return None
    number = number if "." in text and number <= 1 and "%" not in text else number / 100
    return number if 0 <= number <= 1 else None


def evidence_counts(label: Label, context: EvidenceContext) -> str:
    """Counts of claims by verdict, as ``2 ✓  1 ✗  1 stale``."""
    counts = dict.fromkeys([*VERDICT_SIGNS, "stale", "not run"], 0)
    for evidence in label.evidence:
        stale = bool(evidence.stale_parts(context))
        counts["not run" if evidence.outcome is None else "stale" if stale else evidence.outcome.verdict] += 1
    return "  ".join(f"{number} {VERDICT_SIGNS.get(name, name)}" for name, number in counts.items() if number)
