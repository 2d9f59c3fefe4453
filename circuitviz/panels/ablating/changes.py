"""What an ablation changed, as rows: heads and prompts of a task, or the target of a prompt's features."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

ENTRY = Qt.ItemDataRole.UserRole
MEASURED = {
    "predicted": "by attribution: what the changed nodes gave to the target, added up",
    "frozen": "measured with patterns, scales and active features as they were: equals the prediction",
    "free": "measured in the real model, where everything may respond",
}


class ChangesTree(QTreeWidget):
    """Before and after. ``chosen(node)``: a row that stands for a node was clicked."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(accessibleName="What changed")
        self.setRootIsDecorated(True)
        self._titles(False)
        self.itemClicked.connect(self.click)

    def show_heads(self, found: dict[str, Any]) -> None:
        """Heads first: who stepped in; then the prompts that moved most."""
        self.clear()
        self._titles(False)
        heads = self._section("direct effect of heads, most risen first")
        heads.setHidden(not found["heads"])
        for head in found["heads"]:
            item = _row(heads, head["node"], head["before"], head["after"])
            item.setData(0, ENTRY, head["node"])
            low, high = head["change"]["low"], head["change"]["high"]
            if low is not None:
                item.setToolTip(2, f"change, 95 %: {low:+.3f} to {high:+.3f}")
        prompts = self._section("prompts that changed most")
        for each in found["prompts"]:
            item = _row(prompts, each["text"].removeprefix("<|endoftext|>"), each["before"], each["after"])
            item.setToolTip(0, each["text"])
            for title, tops in (("before", each["top_before"]), ("after", each["top_after"])):
                self._words(item, title, tops)
        for section in (heads, prompts):
            section.setExpanded(True)

    def show_target(self, target: dict[str, Any]) -> None:
        """The target's change three times over; then the likeliest next tokens."""
        self.clear()
        self._titles(True)
        changes = self._section(f"{target['name']}, all changes together")
        for key, tip in MEASURED.items():
            item = _row(changes, key, target["before"], target["before"] + target[key], change=True)
            item.setToolTip(0, tip)
        tokens = self._section("likeliest next tokens")
        for title in ("before", "after"):
            self._words(tokens, title, target[f"top_{title}"])
        others = self._section("features that responded most")
        for each in target["responses"]:
            item = _row(others, each["node"], each["before"], each["after"], change=True)
            item.setData(0, ENTRY, each["node"])
            item.setToolTip(3, f"about {number(each['effect'], sign=True)} of {target['name']}")
        for section in (changes, tokens, others):
            section.setExpanded(True)

    def click(self, item: QTreeWidgetItem) -> None:
        """As if a row were clicked."""
        if node := item.data(0, ENTRY):
            self.chosen.emit(node)

    def _titles(self, of_target: bool) -> None:
        self.setColumnCount(4 if of_target else 3)
        self.setHeaderLabels(["what changed", "before", "after", *(["change"] if of_target else [])])
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, self.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def _section(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self, [title])
        item.setFirstColumnSpanned(True)
        bold = item.font(0)
        bold.setBold(True)
        item.setFont(0, bold)
        return item

    def _words(self, parent: QTreeWidgetItem, title: str, tops: list[Any]) -> None:
        words = "   ".join(f"{word!r} {share:.2f}" for word, share in tops)
        child = QTreeWidgetItem(parent, [f"{title}:  {words}"])
        child.setToolTip(0, words)
        child.setFirstColumnSpanned(True)


def number(value: float, sign: bool = False) -> str:
    """Three digits behind the point, with a minus as it is written."""
    return f"{value:{'+' if sign else ''}.3f}".replace("-", "−")


def _row(
    parent: QTreeWidgetItem, name: str, before: float, after: float, change: bool = False
) -> QTreeWidgetItem:
    more = [number(after - before, sign=True)] if change else []
    item = QTreeWidgetItem(parent, [name, number(before), number(after), *more])
    for column in range(1, 3 + len(more)):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
