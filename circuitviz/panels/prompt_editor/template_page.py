"""Prompts with slots: words for each slot, what the corrupted prompt changes, and the pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from circuitviz import tasks
from circuitviz.errors import InputError
from circuitviz.panels.prompt_editor.prompt_sheet import PromptSheet
from circuitviz.panels.widgets.fields import adjust_form_fields, let_shrink, make_form
from circuitviz.panels.widgets.file_dialogs import ask_open_file, ask_save_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import IntegerField
from circuitviz.panels.widgets.tables import TextTable, set_up_table
from circuitviz.tasks.prompt_sets import write_text_file
from circuitviz.tasks.slot_templates import ANOTHER_WORD, OWN_WORD, SlotTemplate, WordSlot, slot_template_of
from circuitviz.workbench.prompt_inspection import visible_spaces
from circuitviz.workbench.requests.expand_template import ExpandTemplate, TemplateExpanded
from circuitviz.workbench.requests.inspect_prompts import PromptsModel
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

SLOT_TITLES = ("Slot", "Words", "Columns", "Clean", "Corrupted")
SAMPLE_TITLES = ("Clean prompt", "Corrupted prompt", "Correct", "Incorrect")
WORDS_COLUMN, COLUMNS_COLUMN, CLEAN_COLUMN, CORRUPTED_COLUMN = 1, 2, 3, 4
N_SAMPLES = 4
PREVIEW_DELAY_MS = 300
TEMPLATE_FILTER = "Templates (*.toml)"
WORDS_HINT = "Mary, John, Tom · France/Paris, Italy/Rome · {other slot} · vocabulary"
MAX_SHOWN_WORDS = 6


class TemplatePage(QWidget):
    """Edits the template of a sheet. Signals: ``expanded(rows)``: pairs that were asked for."""

    expanded = Signal(object)

    def __init__(
        self, sheet: PromptSheet, workspace: Workspace, find_model: Callable[[], PromptsModel]
    ) -> None:
        super().__init__()
        self._sheet, self._workspace, self._find_model = sheet, workspace, find_model
        self._shown = SlotTemplate()
        self._preview_job = LatestJob(workspace, self, follows_tab=False)
        self._expand_job = LatestJob(workspace, self, follows_tab=False)
        self._timer = QTimer(self, singleShot=True, interval=PREVIEW_DELAY_MS)
        self.prompt_field = QPlainTextEdit(tabChangesFocus=True)
        self.prompt_field.setPlaceholderText("The capital of {country} is the city of\n… one prompt a line")
        self.prompt_field.setAccessibleName("Prompts of the template")
        self.correct_field = QLineEdit(
            placeholderText=" {country.capital}, with its leading space", accessibleName="Correct answers"
        )
        self.incorrect_field = QLineEdit(
            placeholderText=" {other_country.capital}: of the corrupted prompt",
            accessibleName="Incorrect answers",
        )
        self.slot_table = QTableWidget(0, len(SLOT_TITLES))
        self.sample_table = TextTable(SAMPLE_TITLES, "Pairs of the template, a sample")
        self.state_label = QLabel("", wordWrap=True, accessibleName="What the template gives")
        self.pairs_field = IntegerField(minimum=1, maximum=5000, value=64, accessibleName="Number of pairs")
        self.expand_button = QPushButton("Make pairs", toolTip="replace the table by pairs of the template")
        self.open_button = QPushButton("Open template…")
        self.save_button = QPushButton("Save template…", toolTip="as a file that is a task by itself")
        self._build()
        self.prompt_field.textChanged.connect(lambda: self._take_over("Edit the template's prompts"))
        self.correct_field.textEdited.connect(lambda _t: self._take_over("Edit the template's answers"))
        self.incorrect_field.textEdited.connect(lambda _t: self._take_over("Edit the template's answers"))
        self.slot_table.itemChanged.connect(lambda _item: self._take_over("Edit the template's slots"))
        self.expand_button.clicked.connect(lambda: self._request(self._expand_job, self.pairs_field.value()))
        self.open_button.clicked.connect(self._open_file)
        self.save_button.clicked.connect(self._save_file)
        self._timer.timeout.connect(lambda: self._request(self._preview_job, N_SAMPLES))
        self._preview_job.received.connect(self._on_previewed)
        self._expand_job.received.connect(self._on_expanded)
        sheet.changed.connect(self._follow_sheet)

    def refresh(self) -> None:
        """Make the sample again: the page is in front, or the model is another."""
        self._timer.start()

    def _build(self) -> None:
        table = self.slot_table
        table.setAccessibleName("Slots of the template")
        table.setHorizontalHeaderLabels(list(SLOT_TITLES))
        set_up_table(table)
        table.setShowGrid(True)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(WORDS_COLUMN, QHeaderView.ResizeMode.Stretch)
        for column, width in ((CLEAN_COLUMN, 128), (CORRUPTED_COLUMN, 146)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(column, scale_pixels(self, width))
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 16)
        self.sample_table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.sample_table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.sample_table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for widget, height in ((self.prompt_field, 46), (table, 120), (self.sample_table, 128)):
            widget.setMinimumHeight(scale_pixels(self, height))
        self.prompt_field.setMaximumHeight(scale_pixels(self, 64))
        table.setMaximumHeight(scale_pixels(self, 150))
        form = make_form(vertical_spacing=6)
        form.addRow("Prompts", self.prompt_field)
        form.addRow("Correct", self.correct_field)
        form.addRow("Incorrect", self.incorrect_field)
        buttons = lay_out_row(
            self.open_button,
            self.save_button,
            (self.state_label, 1),
            QLabel("Pairs"),
            self.pairs_field,
            self.expand_button,
            spacing=6,
        )
        content = QWidget()
        lay_out_column(
            lay_out_row((form, 2), (table, 3), spacing=10), (self.sample_table, 1),
            parent=content, spacing=6, margins=(10, 6, 10, 2),
        )  # fmt: skip
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(content)
        buttons.setContentsMargins(10, 4, 10, 4)
        lay_out_column((scroll, 1), buttons, parent=self, spacing=0)
        adjust_form_fields(self)
        self._show_state()

    # the template

    def _follow_sheet(self) -> None:
        if self._sheet.state.template != self._shown:
            self._show_template(self._sheet.state.template)
            self._timer.start()

    def _show_template(self, template: SlotTemplate) -> None:
        self._shown = template
        texts = (
            (self.prompt_field, "\n".join(prompt.replace("\n", "\\n") for prompt in template.prompts)),
            (self.correct_field, template.correct),
            (self.incorrect_field, template.incorrect),
        )
        for field, text in texts:
            with QSignalBlocker(field):
                if isinstance(field, QPlainTextEdit):
                    if field.toPlainText() != text:
                        field.setPlainText(text)
                elif field.text() != text:
                    field.setText(text)
        self._show_slots(template)
        self._show_state()

    def _show_slots(self, template: SlotTemplate) -> None:
        own = [slot.name for slot in template.slots if not slot.clean]
        with QSignalBlocker(self.slot_table):
            self.slot_table.setRowCount(len(template.slots))
            for row, slot in enumerate(template.slots):
                name = QTableWidgetItem(f"{{{slot.name}}}")
                name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
                words, columns = QTableWidgetItem(slot.words), QTableWidgetItem(slot.columns)
                words.setToolTip(slot.words or WORDS_HINT)
                columns.setToolTip("names of what stands between / in the words: country/capital")
                for column, item in enumerate((name, words, columns)):
                    self.slot_table.setItem(row, column, item)
                others = [f"as {{{other}}}" for other in own if other != slot.name]
                self._show_choice(row, CLEAN_COLUMN, ["own word", *others], slot.clean, "own word")
                choices = ["the same", ANOTHER_WORD, *others]
                self._show_choice(row, CORRUPTED_COLUMN, choices, slot.corrupted, "the same")

    def _show_choice(self, row: int, column: int, texts: list[str], value: str, default: str) -> None:
        box = self.slot_table.cellWidget(row, column)
        if not isinstance(box, QComboBox):
            box = ComboBox(accessibleName=f"{SLOT_TITLES[column]}, {self._slot_name(row)}")
            let_shrink(box)
            box.activated.connect(lambda _index: self._take_over("Edit the template's rule"))
            self.slot_table.setCellWidget(row, column, box)
        if [box.itemText(i) for i in range(box.count())] != texts:
            box.clear()
            box.addItems(texts)
        text = default if not value else value if value == ANOTHER_WORD else f"as {{{value}}}"
        box.setCurrentIndex(max(0, box.findText(text)))

    def _slot_name(self, row: int) -> str:
        item = self.slot_table.item(row, 0)
        return "" if item is None else item.text().strip("{}")

    def _read_template(self) -> SlotTemplate:
        slots = []
        for row in range(self.slot_table.rowCount()):
            words, columns = (self.slot_table.item(row, c) for c in (WORDS_COLUMN, COLUMNS_COLUMN))
            clean, corrupted = (self._read_choice(row, c) for c in (CLEAN_COLUMN, CORRUPTED_COLUMN))
            slots.append(
                WordSlot(
                    self._slot_name(row),
                    words.text() if words else "",
                    columns.text() if columns else "",
                    clean,
                    corrupted,
                )
            )
        lines = [
            line.replace("\\n", "\n") for line in self.prompt_field.toPlainText().split("\n") if line.strip()
        ]
        template = SlotTemplate(
            tuple(lines), self.correct_field.text(), self.incorrect_field.text(), tuple(slots)
        )
        return template.with_named_slots()

    def _read_choice(self, row: int, column: int) -> str:
        box = self.slot_table.cellWidget(row, column)
        text = box.currentText() if isinstance(box, QComboBox) else ""
        if text == ANOTHER_WORD:
            return ANOTHER_WORD
        return text.removeprefix("as {").removesuffix("}") if text.startswith("as {") else OWN_WORD

    def _take_over(self, text: str) -> None:
        """Put what the fields say into the sheet."""
        template = self._read_template()
        are_slots_same = template.slots == self._shown.slots
        self._shown = template
        if not are_slots_same:
            self._show_slots(template)
        self._show_state()
        self._sheet.set_template(template, text)
        self._timer.start()

    # what comes of it

    def _request(self, job: LatestJob, n_pairs: int) -> None:
        try:
            text = self._shown.to_toml()
        except InputError:
            return  # the state says what is missing
        job.submit(ExpandTemplate(self._find_model(), text, n_pairs))

    def _show_state(self, reply: TemplateExpanded | None = None) -> None:
        """Say how many pairs there can be, which words are left out, or what is missing."""
        problem = ""
        try:
            self._shown.to_toml()
        except InputError as error:
            problem = "" if self._shown.is_empty else str(error)
        if reply is not None and not problem:
            problem = reply.refusal
        text = problem
        if not problem and reply is not None and reply.rows:
            number = f"{reply.n_possible:,}" if reply.is_counted else f"Up to {reply.n_possible:,}"
            text = f"{number} different pairs. {_describe_left_out(reply)}"
        elif not problem and reply is not None and not reply.is_model_open:
            text = f"Pairs appear once {self._find_model().name} is open: words are chosen by its tokenizer."
        self.state_label.setObjectName("warning" if problem else "muted")
        self.state_label.style().polish(self.state_label)
        self.state_label.setText(text.strip())
        self.state_label.setVisible(bool(text))
        rows = () if problem or reply is None else reply.rows
        self.sample_table.show_rows([tuple(map(visible_spaces, row.texts)) for row in rows])
        is_usable = bool(rows)
        self.expand_button.setEnabled(is_usable)
        self.save_button.setEnabled(not problem and not self._shown.is_empty)

    def _on_previewed(self, reply: TemplateExpanded) -> None:
        if self._is_current(reply):
            self._show_state(reply)

    def _on_expanded(self, reply: TemplateExpanded) -> None:
        if reply.rows and self._is_current(reply):
            self.expanded.emit(reply.rows)
        elif reply.refusal:
            self._show_state(replace(reply, rows=()))

    def _is_current(self, reply: TemplateExpanded) -> bool:
        try:
            return reply.request.text == self._shown.to_toml()
        except InputError:
            return False

    # files

    def _open_file(self) -> None:
        if path := ask_open_file(
            self, "Open a template", TEMPLATE_FILTER, "tasks", self._workspace.user_settings
        ):
            self._workspace.run_guarded(self.open_template, path, title="Could not open the template")

    def open_template(self, path: Path) -> None:
        """Show the template of a file; InputError where slots cannot say what it says."""
        template = slot_template_of(tasks.load_template(path))
        self._sheet.set_template(template, f"Open {path.name}")

    def _save_file(self) -> None:
        name = f"{self._sheet.state.name.strip() or 'template'}.toml"
        if path := ask_save_file(
            self, "Save the template", name, TEMPLATE_FILTER, "tasks", self._workspace.user_settings
        ):
            self._workspace.run_guarded(self.save_template, path, title="Could not save the template")

    def save_template(self, path: Path) -> None:
        """Write the template as a file that is a task by itself."""
        write_text_file(path, self._shown.to_toml())
        self._workspace.post_message(f"Saved {path.name}: a task, as the path under Task")


def _describe_left_out(reply: TemplateExpanded) -> str:
    """Which words are not drawn because the tokenizer does not have them as the answers need."""
    texts = []
    for name, words in reply.left_out.items():
        if words:
            more = f" and {len(words) - MAX_SHOWN_WORDS:,} more" if len(words) > MAX_SHOWN_WORDS else ""
            shown = ", ".join(words[:MAX_SHOWN_WORDS])
            texts.append(f"Left out of {{{name}}}, as their answers are several tokens: {shown}{more}.")
    return " ".join(texts)
