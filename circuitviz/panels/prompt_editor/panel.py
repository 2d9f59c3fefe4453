"""Own prompts: typed or pasted, checked by the model while they are written, used as a search's task."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from circuitviz import tasks
from circuitviz.document.origin import TaskOrigin
from circuitviz.errors import InputError
from circuitviz.panels.prompt_editor.check_label import CheckLabel
from circuitviz.panels.prompt_editor.editor_pages import EditorPages
from circuitviz.panels.prompt_editor.editor_toolbar import EditorToolbar
from circuitviz.panels.prompt_editor.model_line import ModelLine
from circuitviz.panels.prompt_editor.name_check import NameCheck
from circuitviz.panels.prompt_editor.open_menu import OpenMenu
from circuitviz.panels.prompt_editor.prompt_sheet import PromptSheet, SheetState
from circuitviz.panels.prompt_editor.prompt_storage import DEFAULT_NAME, PromptStorage
from circuitviz.panels.prompt_editor.prompt_table import PromptTable
from circuitviz.panels.prompt_editor.row_details import RowDetails
from circuitviz.panels.prompt_editor.row_inspector import RowInspector
from circuitviz.panels.prompt_editor.row_spans import TokenRange, change_all_rows, change_row
from circuitviz.panels.prompt_editor.set_actions import SetActions
from circuitviz.panels.prompt_editor.template_page import TemplatePage
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.file_dialogs import ask_open_file, ask_save_file
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.scene.theme import Theme
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.requests.inspect_prompts import PromptsModel
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows, RowsRead
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

PANEL_NAME = "prompt_editor"
TASK_FILE_FILTER = "Tasks (*.csv *.jsonl *.json)"
EXPORT_FILTER = "CSV (*.csv);;Lines of JSON (*.jsonl)"
INSPECTION_DELAY_MS = 200  # after the last key, so that a word that is typed is read once
MIN_LABELS_WIDTH_PX = 420  # beside the buttons; else above them


@panels.register(
    PANEL_NAME,
    summary="prompts of your own as a task",
    title="Own prompts",
    area="bottom",
    place="prompts",
    needs_circuit=False,
    order=95,
)
class PromptEditorPanel(Panel):
    """A table of pairs, and the pair in front as the model of the search form sees it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.sheet = PromptSheet(self)
        self.storage = PromptStorage(self.sheet, workspace, self)
        self.table = PromptTable(self.sheet)
        self.template_page = TemplatePage(self.sheet, workspace, lambda: self.prompts_model)
        self.open_menu = OpenMenu(workspace, self)
        self.set_actions = SetActions(self.storage, self.open_menu, workspace, self)
        self.details = RowDetails()
        self.pages = EditorPages(self.table, self.details, self.template_page)
        self.toolbar = EditorToolbar(self.open_menu)
        self.name_field = self.toolbar.name_field
        self.name_check = NameCheck(self.name_field, self.open_menu)
        self.model_line = ModelLine(workspace, lambda: self.prompts_model)
        self.check_button = QPushButton(
            "Check task", toolTip="accuracy and metric on all pairs, against chance"
        )
        self.check_label = CheckLabel(workspace)
        self.use_button = QPushButton("Use in search", objectName="primary")
        self.count_label = QLabel(
            "", objectName="muted", wordWrap=True, accessibleName="Pairs that can be used"
        )
        self.inspector = RowInspector(workspace, self)
        self._checked_rows = self.sheet.live_rows  # what a check that is shown would be of
        self._reading_job = LatestJob(workspace, self, follows_tab=False)
        self._inspection_timer = QTimer(self, singleShot=True, interval=INSPECTION_DELAY_MS)
        self._build()
        self._connect()
        self.show_template(False)
        self._show_front_row()

    def _build(self) -> None:
        labels, buttons = QWidget(), QWidget()
        lay_out_row(
            (self.count_label, 3), (self.model_line, 3), (self.check_label, 9), parent=labels, spacing=8
        )
        lay_out_row(1, self.check_button, self.use_button, parent=buttons, spacing=8)
        bottom_row = FoldingRow(
            labels, buttons, first_px=MIN_LABELS_WIDTH_PX, stretches=(1, 0), margins=(10, 4, 10, 8)
        )
        lay_out_column(self.toolbar, self.name_check, (self.pages, 1), bottom_row, parent=self, spacing=0)

    def _connect(self) -> None:
        workspace, sheet = self.workspace, self.sheet
        bar, table = self.toolbar, self.table
        for button, work in (
            (bar.pairs_button, lambda: self.show_template(False)),
            (bar.template_button, lambda: self.show_template(True)),
            (bar.new_button, lambda: self.storage.show_state(SheetState(), "New table")),
            (bar.export_button, self._export),
            (bar.add_button, self._add_row),
            (bar.duplicate_button, lambda: sheet.duplicate_rows(table.selected_rows)),
            (bar.remove_button, self._remove_rows),
            (bar.up_button, lambda: self._move_rows(-1)),
            (bar.down_button, lambda: self._move_rows(1)),
            (bar.undo_button, sheet.undo),
            (bar.redo_button, sheet.redo),
        ):
            button.clicked.connect(work)
        sheet.changed.connect(self._on_sheet_changed)
        sheet.typed.connect(self._on_sheet_changed)
        sheet.changed.connect(self._update_buttons)
        self.table.row_chosen.connect(self._on_row_chosen)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.name_field.editingFinished.connect(self._take_over_name)
        self.name_check.changed.connect(self._update_buttons)
        self.details.fix_requested.connect(self._fix_answers)
        self.details.span_named.connect(self._name_span)
        self.model_line.opened.connect(self._on_model_opened)
        self._inspection_timer.timeout.connect(self.refresh_when_visible(self._inspect))
        self.inspector.inspected.connect(self._on_inspected)
        self.check_button.clicked.connect(self._check)
        self.use_button.clicked.connect(self.use_in_search)
        self.check_label.changed.connect(self._update_buttons)
        self._reading_job.received.connect(self._on_rows_read)
        self.template_page.expanded.connect(self._on_expanded)
        menu = self.open_menu
        menu.set_chosen.connect(self.edit_task)
        menu.task_chosen.connect(self.edit_task)
        menu.document_chosen.connect(self.edit_document)
        menu.file_requested.connect(self._choose_file)
        menu.draft_chosen.connect(self.storage.show_draft)
        self.set_actions.edit_requested.connect(self.edit_task)
        workspace.search_form.changed.connect(self._on_model_changed)
        workspace.model_ready.connect(lambda _opened: self._inspection_timer.start())
        workspace.commit_input_requested.connect(self.table.commit_typed_text)
        workspace.panel_requested.connect(self._on_panel_requested)
        for starter in (self.model_line.button, self.check_button):  # disabled while they work
            starter.clicked.connect(self.table.setFocus)
        self._update_buttons()

    @property
    def prompts_model(self) -> PromptsModel:
        """The model of the search form."""
        form = self.workspace.search_form
        return PromptsModel(form.model.strip(), form.device, form.dtype)

    def is_applicable(self) -> bool:
        """False: it is not about what is open, and comes when it is asked for."""
        return False

    def set_theme(self, theme: Theme) -> None:
        """Use the colours of a theme."""
        super().set_theme(theme)
        self.table.set_theme_colours(theme)
        self._show_front_row()

    def begin_typing(self) -> None:
        """Have the keyboard focus in the table, once that is on the screen."""
        QTimer.singleShot(0, self, self._focus_table)

    def _focus_table(self) -> None:
        if self.table.isVisible():
            self.table.setFocus()
            if self.table.front_row < 0:
                self.table.choose_rows([len(self.sheet.rows)])

    def _on_panel_requested(self, name: str) -> None:
        if name == PANEL_NAME:
            self.begin_typing()

    def refresh_on_show(self) -> None:
        """Show the draft of before, and read what was typed while another panel was in front."""
        self.storage.load_draft()
        self._inspection_timer.start()

    def resizeEvent(self, event: object) -> None:
        """Put the pair in front below the table or beside it."""
        self.pages.fit_height(self.height())

    # what is edited

    def _on_sheet_changed(self) -> None:
        if not self.name_field.isModified():  # nor while a name is typed
            self.name_field.setText(self.sheet.state.name)
        if self.sheet.live_rows != self._checked_rows:  # and not the name alone
            self._checked_rows = self.sheet.live_rows
            self.check_label.forget()
        self._show_front_row()
        self._inspection_timer.start()

    def _take_over_name(self) -> None:
        self.name_field.setModified(False)
        self.sheet.set_name(self.name_field.text())

    def _on_row_chosen(self) -> None:
        self._show_front_row()
        self._inspection_timer.start()

    def _add_row(self) -> None:
        row = min(self.table.front_row + 1 or len(self.sheet.rows), len(self.sheet.rows))
        self.sheet.insert_row(row)
        self.table.choose_rows([row])

    def _remove_rows(self) -> None:
        rows = self.table.selected_rows
        self.sheet.remove_rows(rows)
        self.table.choose_rows(rows[:1])

    def _move_rows(self, offset: int) -> None:
        rows = self.table.selected_rows
        if self.sheet.move_rows(rows, offset):
            self.table.clearSelection()
            self.table.choose_rows([row + offset for row in rows])

    def _fix_answers(self) -> None:
        """Put each suggested answer in place, in the row in front."""
        row, rows = self.table.front_row, list(self.sheet.rows)
        inspection = self.inspector.find(rows[row]) if 0 <= row < len(rows) else None
        if inspection is not None:
            rows[row] = replace(inspection.with_suggestions(), spans=rows[row].spans)
            self.sheet.set_rows(rows, "Use suggested answers")

    def _name_span(self, tokens: TokenRange, name: str, is_for_all: bool) -> None:
        """Name tokens of the row in front, or without a name remove the spans that they have."""
        self.table.commit_typed_text()
        number, rows = self.table.front_row, list(self.sheet.rows)
        inspection = self.inspector.find(rows[number])
        if inspection is None:
            return
        try:
            if is_for_all:
                rows, n_changed = change_all_rows(
                    rows, self.inspector.inspections, rows[number], tokens, name
                )
            else:
                rows[number], n_changed = change_row(rows[number], inspection, tokens, name), 1
        except InputError as error:
            self.details.span_bar.show_message(str(error), is_warning=True)
            return
        self.sheet.set_rows(rows, "Name a span" if name else "Remove a span")
        n_filled = sum(not row.is_empty for row in rows)
        done = f"{name} is named" if name else "The name is removed"
        self.details.span_bar.show_message(f"{done} in {n_changed:,} of {n_filled:,} pairs.")

    def _update_buttons(self) -> None:
        has_rows = bool(self.table.selected_rows)
        for button in (
            self.toolbar.duplicate_button,
            self.toolbar.remove_button,
            self.toolbar.up_button,
            self.toolbar.down_button,
        ):
            button.setEnabled(has_rows)
        has_pairs = any(not row.is_empty for row in self.sheet.rows)
        self.toolbar.export_button.setEnabled(has_pairs)
        self.use_button.setEnabled(has_pairs and not self.name_check.fault)
        self.use_button.setToolTip(self.name_check.fault)
        self.check_button.setEnabled(
            has_pairs and self.model_line.is_open and not self.check_label.is_running
        )
        self.toolbar.undo_button.setEnabled(self.sheet.undo_stack.canUndo())
        self.toolbar.redo_button.setEnabled(self.sheet.undo_stack.canRedo())

    def show_template(self, is_template: bool) -> None:
        """Show the template in front, or the table of pairs."""
        self.pages.show_template(is_template)
        self.toolbar.pairs_button.setChecked(not is_template)
        self.toolbar.template_button.setChecked(is_template)
        for button in self.toolbar.table_buttons:
            button.setVisible(not is_template)
        self.toolbar.fit_texts()
        if is_template:
            self.template_page.refresh()

    def _on_expanded(self, rows: tuple[PromptRow, ...]) -> None:
        self.table.commit_typed_text()
        self.storage.show_made_rows(rows)
        self.show_template(False)
        self.table.choose_rows([0])

    # where prompts come from and go to

    def edit_task(self, task: str) -> None:
        """Edit a built-in task, a set or a task file as own prompts."""
        self._reading_job.submit(ReadTaskRows(self.prompts_model, task))

    def edit_document(self) -> None:
        """Edit the prompts of the open circuit."""
        origin = self.workspace.state.origin
        if isinstance(origin, TaskOrigin) and origin.pairs:
            model = PromptsModel(origin.model, self.workspace.device, origin.dtype)  # its ids are of answers
            self._reading_job.submit(ReadTaskRows(model, origin.task, pairs=origin.pairs))

    def _on_rows_read(self, reply: object) -> None:
        if not isinstance(reply, RowsRead):
            return
        source = reply.source
        is_path = not reply.is_set and (tasks.is_task_file(source) or os.sep in source)  # 'v1.1' is a name
        name = Path(source).stem if is_path else source
        own_name = f"{name} edited" if name in self.open_menu.task_names else name
        state = SheetState(own_name, reply.rows)
        self.table.commit_typed_text()  # it is of the rows before, and kept with them
        self.storage.show_state(state, f"Open {name}", name if reply.is_set else "")
        self.table.choose_rows([0])
        self.workspace.post_message(f"{len(reply.rows):,} pairs of {name} are edited. {reply.note}".strip())

    def _choose_file(self) -> None:
        if path := ask_open_file(
            self, "Edit a task file", TASK_FILE_FILTER, "tasks", self.workspace.user_settings
        ):
            self.edit_task(str(path))

    def _export(self) -> None:
        self.table.commit_typed_text()
        name = f"{self.sheet.state.name or DEFAULT_NAME}.csv"
        if path := ask_save_file(
            self, "Save the prompts", name, EXPORT_FILTER, "tasks", self.workspace.user_settings
        ):
            self.storage.export_file(path if path.suffix else path.with_name(f"{path.name}.csv"))

    def use_in_search(self) -> None:
        """Save the prompts as a set, and make it the task of the search form."""
        self.table.commit_typed_text()
        self.workspace.run_guarded(self.set_actions.save, title="Could not use the prompts")

    def _check(self) -> None:
        self.table.commit_typed_text()
        rows = tuple(row for row in self.sheet.rows if not row.is_empty)
        name = self.sheet.state.name.strip() or DEFAULT_NAME
        self.check_label.check(self.prompts_model, name, rows)

    # what the model makes of it

    def _front_live_row(self) -> PromptRow | None:
        rows, front = self.sheet.live_rows, self.table.front_row
        row = rows[front] if 0 <= front < len(rows) else None
        return None if row is None or row.is_empty else row

    def _inspect(self) -> None:
        """Ask for what is not known yet of the rows, the one in front first."""
        rows = [row.without_spans for row in self.sheet.live_rows if not row.is_empty]
        self.inspector.request(self.prompts_model, self._front_live_row(), rows, self.model_line.is_open)

    def _on_inspected(self, is_model_open: bool) -> None:
        self.model_line.set_open(is_model_open)
        self._update_buttons()
        self.table.table_model.set_inspections(self.inspector.inspections)
        self._show_front_row()

    def _show_front_row(self) -> None:
        row = self._front_live_row()
        names = dict.fromkeys(name for one in self.sheet.rows for name, _, _ in one.spans)
        inspection = None if row is None else self.inspector.find(row)
        self.details.show_inspection(row, inspection, tuple(names))
        self.pages.show_details(self.model_line.is_open or inspection is not None)
        self.model_line.show_model()
        filled = [row for row in self.sheet.rows if not row.is_empty]
        usable = [row for row in filled if (one := self.inspector.find(row)) and not one.problem]
        text = f"{len(filled):,} pair{'s' if len(filled) != 1 else ''}"
        self.count_label.setText(
            f"{len(usable):,} of {text} can be used" if self.model_line.is_open and filled else text
        )

    def _on_model_changed(self) -> None:
        if self.inspector.set_model(self.prompts_model):
            self.model_line.set_open(False)
            self.check_label.forget()
            self._update_buttons()
            self.table.table_model.set_inspections({})
            self._show_front_row()
            self._inspection_timer.start()

    def _on_model_opened(self) -> None:
        self.template_page.refresh()
        self._inspect()
