"""Changes caused by an ablation as rows: heads and prompts of a task, or the target of a prompt circuit."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED

NODE_ROLE = Qt.ItemDataRole.UserRole
CHANGE_TOOLTIPS = {
    "predicted": "predicted by attribution: sum of the changed nodes' effects on the target",
    "frozen": (
        "measured with attention patterns, normalisation scales and active features frozen: "
        "equals the prediction"
    ),
    "free": "measured in the full model without freezing",
}


class ChangesTree(QTreeWidget):
    """Values before and after. ``node_clicked(name)``: a row that stands for a node was clicked."""

    node_clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("What changed")
        self.setRootIsDecorated(True)
        self._set_columns(False)
        self.itemClicked.connect(self.activate_row)

    def show_heads(self, explanation: dict[str, Any]) -> None:
        """Show the direct effects of heads, then the prompts that changed most."""
        self.clear()
        self._set_columns(False)
        heads = self._add_section("direct effect of heads, largest increase first")
        heads.setHidden(not explanation["heads"])
        for head in explanation["heads"]:
            item = _add_row(heads, head["node"], head["before"], head["after"])
            item.setData(0, NODE_ROLE, head["node"])
            low, high = head["change"]["low"], head["change"]["high"]
            if low is not None:
                item.setToolTip(2, f"change, 95 %: {signed_number(low, 3)} to {signed_number(high, 3)}")
        prompts = self._add_section("prompts that changed most")
        for prompt in explanation["prompts"]:
            item = _add_row(
                prompts, prompt["text"].removeprefix("<|endoftext|>"), prompt["before"], prompt["after"]
            )
            item.setToolTip(0, prompt["text"])
            for title, tops in (("before", prompt["top_before"]), ("after", prompt["top_after"])):
                self._add_top_tokens(item, title, tops)
        for section in (heads, prompts):
            section.setExpanded(True)

    def show_target(self, target: dict[str, Any]) -> None:
        """Show the target's predicted and measured change, the likeliest next tokens, and responses."""
        self.clear()
        self._set_columns(True)
        changes = self._add_section(f"{target['name']}, all interventions together")
        for key, tip in CHANGE_TOOLTIPS.items():
            item = _add_row(changes, key, target["before"], target["before"] + target[key], show_change=True)
            item.setToolTip(0, tip)
        tokens = self._add_section("likeliest next tokens")
        for title in ("before", "after"):
            self._add_top_tokens(tokens, title, target[f"top_{title}"])
        others = self._add_section("features that responded most")
        for response in target["responses"]:
            item = _add_row(others, response["node"], response["before"], response["after"], show_change=True)
            item.setData(0, NODE_ROLE, response["node"])
            item.setToolTip(3, f"about {signed_number(response['effect'], 3)} of {target['name']}")
        for section in (changes, tokens, others):
            section.setExpanded(True)

    def activate_row(self, item: QTreeWidgetItem) -> None:
        """Handle a click on a row."""
        if node := item.data(0, NODE_ROLE):
            self.node_clicked.emit(node)

    def _set_columns(self, is_target: bool) -> None:
        self.setColumnCount(4 if is_target else 3)
        self.setHeaderLabels(["what changed", "before", "after", *(["change"] if is_target else [])])
        self.headerItem().setToolTip(0, "what changed")  # where large text leaves it too little room
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, self.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def _add_section(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self, [title])
        item.setFirstColumnSpanned(True)
        bold = item.font(0)
        bold.setBold(True)
        item.setFont(0, bold)
        return item

    def _add_top_tokens(self, parent: QTreeWidgetItem, title: str, top_tokens: list[Any]) -> None:
        words = "   ".join(f"{word!r} {decimal_number(share, 2)}" for word, share in top_tokens)
        child = QTreeWidgetItem(parent, [f"{title}:  {words}"])
        child.setToolTip(0, words)
        child.setFirstColumnSpanned(True)


def _add_row(
    parent: QTreeWidgetItem, name: str, before: float, after: float, show_change: bool = False
) -> QTreeWidgetItem:
    change_text = [signed_number(after - before, 3)] if show_change else []
    item = QTreeWidgetItem(parent, [name, decimal_number(before, 3), decimal_number(after, 3), *change_text])
    for column in range(1, 3 + len(change_text)):
        item.setTextAlignment(column, RIGHT_ALIGNED)
    return item
