"""Finding a circuit: model, task, method with its own options, and how much to keep."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.jobs import Choices, Find, Moved, Ready, Reply, Request, SomeUnusable
from circuitviz.panels.attaching import Attaching
from circuitviz.panels.desk import Desk
from circuitviz.panels.line import Line
from circuitviz.panels.option_form import OptionForm
from circuitviz.panels.registry import Panel, inset_numbers, panels
from circuitviz.panels.room import Column, level

TYPED = "a pair typed here"


@panels.register("discovery", summary="find a circuit", title="Find a circuit", area="left", order=0)
class DiscoveryPanel(Panel):
    """The form; every choice comes from a registry, every option from its dataclass."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.choices = Choices()
        self.model = QComboBox(editable=True)
        self.model.setToolTip("demo, a Hugging Face name such as gpt2, or a folder")
        self.task = QComboBox(editable=True)
        self.task.setToolTip("a task, or a CSV, JSONL or JSON file")
        self.prompts = QSpinBox(minimum=1, maximum=100_000, value=64)
        self.seed = QSpinBox(minimum=0, maximum=2**31 - 1)
        self.device = QComboBox(toolTip="where the model runs; cuda needs an NVIDIA card")
        self.device.addItems(["cpu", "cuda", "mps"])
        self.method = QComboBox()
        self.measure = QComboBox()
        self.ablation = QComboBox()
        self.select = QComboBox()
        self.select.addItem("as suits the method", "")
        for name, tip in _SELECT.items():
            self.select.addItem(name, name)
            self.select.setItemData(self.select.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.edges = QSpinBox(minimum=1, maximum=10_000_000, value=100)
        self.attaching = Attaching(desk, self)
        self.question: QMessageBox | None = None
        self.run = QPushButton("Find circuit", objectName="primary")
        self.stop = QPushButton("Cancel")
        self.progress = QProgressBar(textVisible=False, maximum=1000)
        self.left = Line()
        self.options = OptionForm()
        self._build()
        self.model.currentTextChanged.connect(self._model_chosen)
        self.method.currentTextChanged.connect(self._show_options)
        self.task.currentTextChanged.connect(self._show_pair)
        self.run.clicked.connect(self.start)
        self.stop.clicked.connect(desk.cancel)
        desk.progressed.connect(self._progress)
        desk.idle.connect(self._idle)
        desk.searched.connect(lambda: self.run.setEnabled(True))
        desk.failed.connect(lambda _failed: self.run.setEnabled(True))
        desk.ready.connect(self._ready)
        desk.arrived.connect(self._arrived)
        desk.choices_arrived.connect(self.set_choices)
        self.set_choices(self.choices)
        self._idle()

    def set_choices(self, choices: Choices) -> None:
        """Offer what there is; what is chosen stays chosen."""
        self.choices = choices
        names = list(choices.methods)
        for box, items in (
            (self.model, list(choices.models)),
            (self.task, [*choices.tasks, TYPED]),
            (self.method, names),
            (self.measure, ["the task's own", *choices.metrics]),
            (self.ablation, list(choices.ablations)),
        ):
            chosen = box.currentText()
            box.clear()
            box.addItems(items)
            if chosen:
                box.setCurrentText(chosen)
        for row, name in enumerate(names):
            self.method.setItemData(row, choices.methods[name][0], Qt.ItemDataRole.ToolTipRole)
        self._show_options(self.method.currentText())
        self._show_pair(self.task.currentText())

    def request(self) -> Find:
        """What the form says now."""
        typed = self.task.currentText() == TYPED
        metric = self.measure.currentText()
        return Find(
            model=self.model.currentText().strip(),
            task=self.task.currentText().strip(),
            pair=tuple(line.text() for line in self.pair) if typed else None,
            prompts=self.prompts.value(),
            seed=self.seed.value(),
            method=self.method.currentText(),
            options=self.options.values(),
            metric=metric if metric in self.choices.metrics else "",
            ablation=self.ablation.currentText(),
            select=self.select.currentData(),
            edges=self.edges.value(),
            device=self.device.currentText(),
        )

    def start(self, _checked: bool = False, *, example: bool = False) -> None:
        """Find a circuit with what the form says; example: one that a click brings again at any time."""
        before, self.desk.device = self.desk.device, self.device.currentText()
        if not self._search(self.request(), example):
            self.desk.device = before

    def attach(self) -> None:
        """Measure the open circuit, which another tool found, on the model and task of the form."""
        self.desk.device = self.device.currentText()
        self.desk.guarded(self.attaching.ask, self.request())

    def _search(self, request: Find, example: bool = False) -> bool:
        if not self.desk.find(request, example):
            return False
        self.run.setEnabled(False)
        self.stop.setEnabled(True)
        return True

    def _build(self) -> None:
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        form = self._form = QFormLayout(labelAlignment=left, verticalSpacing=8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", _with_button(self.model, self._browse_model, "Open a model's folder"))
        form.addRow("Task", _with_button(self.task, self._browse_task, "Open a task file"))
        self.pair = [QLineEdit(placeholderText=t, accessibleName=t.partition(":")[0]) for t in _PAIR]
        self.pair_box = QWidget()
        pair_form = QVBoxLayout(self.pair_box)
        pair_form.setContentsMargins(0, 0, 0, 0)
        for line in self.pair:
            pair_form.addWidget(line)
        form.addRow(self.pair_box)
        form.addRow("Prompts", self.prompts)
        form.addRow("Seed", self.seed)
        form.addRow("Device", self.device)
        form.addRow("Method", self.method)
        form.addRow(self.options)
        form.addRow("Metric", self.measure)
        form.addRow("Ablation", self.ablation)
        form.addRow("Choose", self.select)
        form.addRow("Edges", self.edges)
        inside = QWidget()
        inside.setLayout(form)
        form.setContentsMargins(12, 10, 12, 10)
        scroll = Column(inside, least=250)
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 4, 12, 12)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.stop)
        foot.addLayout(buttons)
        foot.addWidget(self.progress)
        foot.addWidget(self.left)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addLayout(foot)
        for widget, name in ((self.model, "Model"), (self.task, "Task"), (self.method, "Method")):
            widget.setAccessibleName(name)
        inset_numbers(self)
        for box in (self.model, self.task, self.method, self.measure, self.select):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)

    def _model_chosen(self, model: str) -> None:
        """A model whose circuit is known was made for the one task of its name."""
        if model in self.choices.models and model in self.choices.tasks:
            self.task.setCurrentText(model)

    def _show_options(self, method: str) -> None:
        self.options.set_options(self.choices.methods.get(method, ("", ()))[1])
        self._level()

    def _level(self) -> None:
        level(self._form, self.options.form)

    def changeEvent(self, event: QEvent) -> None:
        """Labels of another size begin and end elsewhere."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            QTimer.singleShot(0, self, self._level)  # once the labels have the font

    def _show_pair(self, task: str) -> None:
        self.pair_box.setVisible(task == TYPED)
        self.prompts.setEnabled(task != TYPED)

    def _browse_model(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a model's folder"):
            self.model.setEditText(folder)

    def _browse_task(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a task", "", "Tasks (*.csv *.jsonl *.json)")
        if path:
            self.task.setEditText(path)

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, SomeUnusable):
            self._ask_to_skip(reply)

    def _ask_to_skip(self, reply: SomeUnusable) -> None:
        """Ask whether to search with the rows of a task file that can be used."""
        box = self.question = QMessageBox(QMessageBox.Icon.Question, "circuitviz", "", parent=self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(f"{reply.file}: {reply.count}\n\nThe first pair that cannot be used: {reply.first}")
        use = box.addButton("Use these", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(use)
        use.clicked.connect(lambda: self._again(reply.again))
        box.open()

    def _again(self, request: Request) -> None:
        if isinstance(request, Find):
            self._search(request)
        else:
            self.desk.ask(request)

    def _progress(self, moved: Moved) -> None:
        self.stop.setEnabled(True)
        self.progress.show()
        self.left.show()
        self.progress.setValue(round(moved.share * 1000))
        left = moved.seconds_left
        time = f", about {left:.0f} s left" if left is not None and left > 1 else ""
        self.left.setText(f"{moved.title}{time}")

    def _idle(self) -> None:
        self.run.setEnabled(True)
        self.stop.setEnabled(False)
        self.progress.hide()
        self.left.hide()

    def _ready(self, ready: Ready) -> None:
        self.edges.setMaximum(ready.n_edges)


_SELECT = {
    "greedy": "from the logits up, the strongest edge into a node already reached",
    "top": "the strongest edges, pruned",
    "signed": "the edges that help most, pruned",
    "nodes": "the strongest nodes with all edges between them",
    "own": "what the method itself kept (ACDC)",
}
_PAIR = (
    "clean prompt: When Mary and John went to the store, John gave a drink to",
    "corrupted prompt, of as many tokens",
    "correct answers, with their space:  Mary",
    "incorrect answers:  John|Tom",
)


def _with_button(box: QComboBox, browse: Any, tip: str) -> QHBoxLayout:
    row = QHBoxLayout(spacing=4)
    row.addWidget(box, 1)
    button = QToolButton(text="…", toolTip=tip, accessibleName=tip)
    button.clicked.connect(browse)
    row.addWidget(button)
    return row
