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

from circuitviz.panels.desk import Desk
from circuitviz.panels.features.words import Words
from circuitviz.session import ROLES, Basis, Label, set_label
from circuitviz.session.labels import colour_for

COLUMNS = ("Part", "Role", "Evidence", "Sure", "Author", "Note")
PART, ROLE, EVIDENCE, SURE, AUTHOR, NOTE = range(6)
SIGNS = {"holds": "✓", "fails": "✗", "undecided": "?"}
EDITABLE = (ROLE, SURE, AUTHOR, NOTE)
Index = QModelIndex | QPersistentModelIndex


class LabelsModel(QAbstractTableModel):
    """One row a label. Confidence is shown in percent, evidence as counts of verdicts."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.targets: list[str] = []
        desk.state_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the document; the rows stay where they are as long as the same parts are labelled."""
        targets = list(self.desk.state.labels)
        if targets == self.targets:
            last = self.index(self.rowCount() - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self.targets = targets
        self.endResetModel()

    def label(self, row: int) -> Label:
        """The label in a row."""
        return self.desk.state.labels[self.targets[row]]

    def rowCount(self, parent: Index | None = None) -> int:
        """How many labels there are."""
        return 0 if parent is not None and parent.isValid() else len(self.targets)

    def columnCount(self, parent: Index | None = None) -> int:
        """What is shown of each."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' names."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Role, confidence, author and note are edited in place."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in EDITABLE else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, the role's colour, and what to sort by (UserRole)."""
        if not index.isValid() or index.row() >= len(self.targets):
            return None
        target, label, column = self.targets[index.row()], self.label(index.row()), index.column()
        roles = Qt.ItemDataRole
        if role == roles.DisplayRole:
            sure = "" if label.confidence is None else f"{label.confidence:.0%}"
            told = evidence_text(label, self.desk.document.state.basis_of(target))
            return (target, label.text, told, sure, label.author, label.note)[column]
        if role == roles.EditRole:
            percent = "" if label.confidence is None else f"{100 * label.confidence:g}"
            return {ROLE: label.text, SURE: percent, AUTHOR: label.author, NOTE: label.note}.get(column)
        if role == roles.DecorationRole and column == ROLE:
            return QColor(label.colour) if label.colour else None
        if role == roles.ToolTipRole and column in (NOTE, EVIDENCE):
            claims = [f"{e.outcome.verdict if e.outcome else 'not run'}: {e.claim}" for e in label.evidence]
            return "\n".join(claims) if column == EVIDENCE else label.note
        if role == roles.TextAlignmentRole and column == SURE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == roles.UserRole:
            holding = sum(e.outcome is not None and e.outcome.verdict == "holds" for e in label.evidence)
            sure_first = -1.0 if label.confidence is None else label.confidence
            return {SURE: sure_first, EVIDENCE: holding}.get(column, self.data(index))
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Change a label; False where the value is none, such as a confidence of 120."""
        target, label = self.targets[index.row()], self.label(index.row())
        text = str(value).strip()
        if index.column() == ROLE:
            if not text:
                return False
            known = {t: x for t, x in self.desk.document.state.labels.items() if t != target}
            same_role = any(x.text == text for x in known.values())
            changed = replace(label, text=text, colour=colour_for(known, text) if same_role else label.colour)
        elif index.column() == SURE:
            confidence = parse_confidence(text)
            if confidence is None and text:
                return False
            changed = replace(label, confidence=confidence)
        else:
            by_author = index.column() == AUTHOR
            changed = replace(label, author=text) if by_author else replace(label, note=text)
        self.desk.do(set_label(target, changed))
        return True


class LabelsOrder(QSortFilterProxyModel):
    """Sorts numbers as numbers, and keeps rows that hold all of some words anywhere."""

    def __init__(self, source: LabelsModel) -> None:
        super().__init__()
        self.setSourceModel(source)
        self.setSortRole(Qt.ItemDataRole.UserRole)
        self.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.words: list[str] = []

    def keep(self, text: str) -> None:
        """Show the rows in which every word of a text occurs."""
        self.words = text.lower().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Whether a row holds all words."""
        model = self.sourceModel()
        cells = (str(model.index(row, column, parent).data() or "") for column in range(len(COLUMNS)))
        whole = " ".join(cells).lower()
        return all(word in whole for word in self.words)


class RoleDelegate(QStyledItemDelegate):
    """Offers the roles of the literature and those used already, and takes any other text."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """An editable list."""
        return RoleBox(self._desk, parent)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Begin with the present role."""
        assert isinstance(editor, RoleBox)
        editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))
        editor.line.selectAll()

    def setModelData(self, editor: QWidget, model: Any, index: Index) -> None:
        """Keep what was typed or chosen."""
        assert isinstance(editor, RoleBox)
        model.setData(index, editor.currentText())


def roles_of(desk: Desk) -> list[str]:
    """Words for the selected feature, the roles of the literature, and those that the open circuit has."""
    in_use = (label.text for label in desk.state.labels.values())
    return list(dict.fromkeys([*Words(desk).offered(), *ROLES, *in_use]))


class RoleCompleter(QCompleter):
    """Suggests roles while one is typed in a field."""

    def __init__(self, desk: Desk, line: QLineEdit) -> None:
        super().__init__(line)
        self._desk, self._roles = desk, QStringListModel(self)
        self.setModel(self._roles)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        line.textEdited.connect(lambda _text: self.offer())
        self.offer()

    def offer(self) -> None:
        """Suggest what is in use by now."""
        if (roles := roles_of(self._desk)) != self._roles.stringList():
            self._roles.setStringList(roles)


class RoleBox(QComboBox):
    """A field for a role: the roles of the literature and those in use are offered, any text is taken."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent, accessibleName="Role")
        self._desk = desk
        self.line = QLineEdit(placeholderText="Role", accessibleName="Role")
        self.setLineEdit(self.line)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.offer()

    def offer(self) -> None:
        """Offer what is in use now; the text that stands there stays."""
        text = self.currentText()
        self.clear()
        self.addItems(roles_of(self._desk))
        self.setCurrentText(text)

    def showPopup(self) -> None:
        """Offer what is in use by now."""
        self.offer()
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


def evidence_text(label: Label, now: Basis) -> str:
    """How many claims hold, fail, are undecided, stale, or were not run: ``2 ✓  1 ✗  1 stale``."""
    counts = dict.fromkeys([*SIGNS, "stale", "not run"], 0)
    for evidence in label.evidence:
        stale = bool(evidence.stale(now))
        counts["not run" if evidence.outcome is None else "stale" if stale else evidence.outcome.verdict] += 1
    return "  ".join(f"{number} {SIGNS.get(name, name)}" for name, number in counts.items() if number)
