"""Labels as a table that sorts, filters and is edited in place; every edit is a command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    QStringListModel,
    Qt,
)
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from circuitviz.document import ROLES, EvidenceContext, Label, set_label
from circuitviz.document.labels import colour_for_role
from circuitviz.panels.features.feature_labels import FeatureLabels
from circuitviz.workspace.workspace import Workspace

COLUMN_TITLES = ("Part", "Role", "Evidence", "Sure", "Author", "Note")
PART_COLUMN, ROLE_COLUMN, EVIDENCE_COLUMN, CONFIDENCE_COLUMN, AUTHOR_COLUMN, NOTE_COLUMN = range(6)
VERDICT_SIGNS = {"holds": "✓", "fails": "✗", "undecided": "?"}
EDITABLE_COLUMNS = (ROLE_COLUMN, CONFIDENCE_COLUMN, AUTHOR_COLUMN, NOTE_COLUMN)
AnyIndex = QModelIndex | QPersistentModelIndex


class LabelsTableModel(QAbstractTableModel):
    """One row a label. Confidence is shown in percent, evidence as counts of verdicts."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.targets: list[str] = []
        workspace.state_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the document; the rows stay where they are as long as the same parts are labelled."""
        targets = list(self.workspace.state.labels)
        if targets == self.targets:
            last = self.index(self.rowCount() - 1, len(COLUMN_TITLES) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.targets = targets
        self.endResetModel()

    def label_at(self, row: int) -> Label:
        """The label in a row."""
        return self.workspace.state.labels[self.targets[row]]

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """How many labels there are."""
        return 0 if parent is not None and parent.isValid() else len(self.targets)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """What is shown of each."""
        return 0 if parent is not None and parent.isValid() else len(COLUMN_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' names."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMN_TITLES[section]
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Role, confidence, author and note are edited in place."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in EDITABLE_COLUMNS else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, the role's colour, and what to sort by (UserRole)."""
        if not index.isValid() or index.row() >= len(self.targets):
            return None
        target, label, column = self.targets[index.row()], self.label_at(index.row()), index.column()
        roles = Qt.ItemDataRole
        if role == roles.DisplayRole:
            sure = "" if label.confidence is None else f"{label.confidence:.0%}"
            told = evidence_counts(label, self.workspace.document.state.evidence_context_of(target))
            return (target, label.text, told, sure, label.author, label.note)[column]
        if role == roles.EditRole:
            percent = "" if label.confidence is None else f"{100 * label.confidence:g}"
            return {
                ROLE_COLUMN: label.text,
                CONFIDENCE_COLUMN: percent,
                AUTHOR_COLUMN: label.author,
                NOTE_COLUMN: label.note,
            }.get(column)
        if role == roles.DecorationRole and column == ROLE_COLUMN:
            return QColor(label.colour) if label.colour else None
        if role == roles.ToolTipRole and column in (NOTE_COLUMN, EVIDENCE_COLUMN):
            claims = [f"{e.outcome.verdict if e.outcome else 'not run'}: {e.claim}" for e in label.evidence]
            return "\n".join(claims) if column == EVIDENCE_COLUMN else label.note
        if role == roles.TextAlignmentRole and column == CONFIDENCE_COLUMN:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == roles.UserRole:
            holding = sum(e.outcome is not None and e.outcome.verdict == "holds" for e in label.evidence)
            sure_first = -1.0 if label.confidence is None else label.confidence
            return {CONFIDENCE_COLUMN: sure_first, EVIDENCE_COLUMN: holding}.get(column, self.data(index))
        return None

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Change a label; False where the value is none, such as a confidence of 120."""
        target, label = self.targets[index.row()], self.label_at(index.row())
        text = str(value).strip()
        if index.column() == ROLE_COLUMN:
            if not text:
                return False
            known = {t: x for t, x in self.workspace.document.state.labels.items() if t != target}
            same_role = any(x.text == text for x in known.values())
            changed = replace(
                label, text=text, colour=colour_for_role(known, text) if same_role else label.colour
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
    """Sorts numbers as numbers, and keeps rows that hold all of some words anywhere."""

    def __init__(self, source: LabelsTableModel) -> None:
        super().__init__()
        self.setSourceModel(source)
        self.setSortRole(Qt.ItemDataRole.UserRole)
        self.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter_words: list[str] = []

    def set_filter_text(self, text: str) -> None:
        """Show the rows in which every word of a text occurs."""
        self.filter_words = text.lower().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: AnyIndex) -> bool:
        """Whether a row holds all words."""
        model = self.sourceModel()
        cells = (str(model.index(row, column, parent).data() or "") for column in range(len(COLUMN_TITLES)))
        whole = " ".join(cells).lower()
        return all(word in whole for word in self.filter_words)


class RoleDelegate(QStyledItemDelegate):
    """Offers the roles of the literature and those used already, and takes any other text."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex) -> QWidget:
        """An editable list."""
        return RoleBox(self._workspace, parent)

    def setEditorData(self, editor: QWidget, index: AnyIndex) -> None:
        """Begin with the present role."""
        assert isinstance(editor, RoleBox)
        editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))
        editor.role_field.selectAll()

    def setModelData(self, editor: QWidget, model: Any, index: AnyIndex) -> None:
        """Keep what was typed or chosen."""
        assert isinstance(editor, RoleBox)
        model.setData(index, editor.currentText())


def offered_roles(workspace: Workspace) -> list[str]:
    """Words for the selected feature, the roles of the literature, and those that the open circuit has."""
    in_use = (label.text for label in workspace.state.labels.values())
    return list(dict.fromkeys([*FeatureLabels(workspace).suggested_labels(), *ROLES, *in_use]))


class RoleCompleter(QCompleter):
    """Suggests roles while one is typed in a field."""

    def __init__(self, workspace: Workspace, role_field: QLineEdit) -> None:
        super().__init__(role_field)
        self._workspace, self._roles_model = workspace, QStringListModel(self)
        self.setModel(self._roles_model)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        role_field.textEdited.connect(lambda _text: self.refresh_roles())
        self.refresh_roles()

    def refresh_roles(self) -> None:
        """Suggest what is in use by now."""
        if (roles := offered_roles(self._workspace)) != self._roles_model.stringList():
            self._roles_model.setStringList(roles)


class RoleBox(QComboBox):
    """A field for a role: the roles of the literature and those in use are offered, any text is taken."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent, accessibleName="Role")
        self._workspace = workspace
        self.role_field = QLineEdit(placeholderText="Role", accessibleName="Role")
        self.setLineEdit(self.role_field)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.refresh_roles()

    def refresh_roles(self) -> None:
        """Offer what is in use now; the text that stands there stays."""
        text = self.currentText()
        self.clear()
        self.addItems(offered_roles(self._workspace))
        self.setCurrentText(text)

    def showPopup(self) -> None:
        """Offer what is in use by now."""
        self.refresh_roles()
        super().showPopup()


def parse_confidence(text: str) -> float | None:
    """``80``, ``80 %`` or ``0.8`` as 0.8; None where it is no confidence.

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
    """How many claims hold, fail, are undecided, stale, or were not run: ``2 ✓  1 ✗  1 stale``."""
    counts = dict.fromkeys([*VERDICT_SIGNS, "stale", "not run"], 0)
    for evidence in label.evidence:
        stale = bool(evidence.stale_parts(context))
        counts["not run" if evidence.outcome is None else "stale" if stale else evidence.outcome.verdict] += 1
    return "  ".join(f"{number} {VERDICT_SIGNS.get(name, name)}" for name, number in counts.items() if number)
