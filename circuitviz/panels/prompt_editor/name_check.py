"""What is wrong with the name of own prompts, said while it is typed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit

from circuitviz.errors import InputError
from circuitviz.panels.prompt_editor.open_menu import OpenMenu
from circuitviz.tasks.prompt_sets import check_set_name

SIDE_MARGIN_PX = 12


class NameCheck(QLabel):
    """A line that follows the name field; without a fault it takes no space. Signals: ``changed()``.

    Args:
        name_field: Where the name is typed. Without a name there is no fault: one is made up.
        open_menu: Knows the names of built-in tasks, which no set may have.
    """

    changed = Signal()

    def __init__(self, name_field: QLineEdit, open_menu: OpenMenu) -> None:
        super().__init__(wordWrap=True)
        self.setObjectName("warning")
        self.setAccessibleName("What is wrong with the name")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setContentsMargins(SIDE_MARGIN_PX, 0, SIDE_MARGIN_PX, 4)
        self._name_field, self._open_menu = name_field, open_menu
        self.fault = ""
        self.hide()
        name_field.textChanged.connect(lambda _text: self.check())
        open_menu.tasks_changed.connect(self.check)

    def check(self) -> None:
        """Say what is wrong with the name in the field."""
        name, fault = self._name_field.text(), ""
        if name.strip():
            try:
                check_set_name(name, self._open_menu.task_names)
            except InputError as error:
                fault = str(error)
        if fault != self.fault:
            self.fault = fault
            self.setText(fault)
            self.setVisible(bool(fault))
            self.changed.emit()
