"""The choice of the prompt that all panels read."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter

from circuitviz.panels.widgets.fields import let_shrink
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.workbench.requests.messages import ModelReady
from circuitviz.workspace.workspace import Workspace


class PromptSelector(ComboBox):
    """A list of the task's prompts; the choice holds for the whole workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setAccessibleName("Prompt")
        self.workspace = workspace
        let_shrink(self, n_letters=10)
        self.activated.connect(workspace.set_prompt_index)
        self.currentTextChanged.connect(self.setToolTip)  # the prompt as a whole: the box may be narrow
        workspace.prompt_changed.connect(self._show_current_prompt)
        workspace.model_ready.connect(self._fill_prompts)
        if workspace.opened_model is not None:
            self._fill_prompts(workspace.opened_model)

    def _fill_prompts(self, opened: ModelReady) -> None:
        self.clear()
        self.addItems([f"{i}  {text}" for i, text in enumerate(opened.prompts)])
        self._show_current_prompt()

    def _show_current_prompt(self) -> None:
        self.setCurrentIndex(self.workspace.prompt_index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The prompt, cut with an ellipsis: with a style sheet Qt lets the text run under the arrow."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        kinds = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        width_px = self.style().subControlRect(kinds[0], option, kinds[1], self).width()
        text: str = option.currentText
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width_px)
        painter.drawComplexControl(kinds[0], option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
