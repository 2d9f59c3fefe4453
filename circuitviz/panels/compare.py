"""This circuit beside another: on one canvas, part by part, against methods, tasks and models."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.canvas.theme import Theme
from circuitviz.panels.comparing.elsewhere import ElsewherePage
from circuitviz.panels.comparing.methods import MethodsPage
from circuitviz.panels.comparing.parts import PartsPage
from circuitviz.panels.comparing.reuse import ReusePage
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels


@panels.register(
    "compare", summary="this circuit beside another", title="Compare", area="bottom", order=2.5, height=340
)
class ComparePanel(Panel):
    """Chooses what the open circuit is held against; a page for each way to look at the two."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.reference = QComboBox(accessibleName="Compare with")
        self.reference.setMinimumWidth(230)
        browse = "Open any circuit file to compare with"
        self.browse = QToolButton(text="…", toolTip=browse, accessibleName=browse)
        self.keep = QPushButton("Keep this circuit", toolTip="to compare what is found next with it")
        self.parts, self.methods = PartsPage(desk), MethodsPage(desk)
        self.reuse, self.elsewhere = ReusePage(desk), ElsewherePage(desk)
        self.pages = QTabWidget(documentMode=True)
        for page in (self.parts, self.methods, self.reuse, self.elsewhere):
            self.pages.addTab(page, page.title)
        row = QHBoxLayout(spacing=6)
        row.addWidget(QLabel("Compare with"))
        for widget in (self.reference, self.browse, self.keep):
            row.addWidget(widget)
        row.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 6)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self.pages, 1)
        self.reference.currentTextChanged.connect(desk.beside.choose)
        self.browse.clicked.connect(self._browse)
        self.keep.clicked.connect(self._keep)
        desk.beside.changed.connect(self._offer)
        desk.state_changed.connect(self.when_seen(self._offer))
        desk.document_opened.connect(self._offer)
        self._offer()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for page in (self.parts, self.methods, self.reuse, self.elsewhere):
            page.set_theme(theme)

    def catch_up(self) -> None:
        """The page in front follows only while it is in sight."""
        self.pages.currentWidget().refresh()  # type: ignore[attr-defined]

    def _keep(self) -> None:
        self.desk.say(f"Kept to compare with: {self.desk.beside.keep()}")

    def _offer(self) -> None:
        """What fits the open circuit; the first of it where nothing was chosen."""
        beside = self.desk.beside
        names = beside.names()
        if names != [self.reference.itemText(i) for i in range(self.reference.count())]:
            self.reference.blockSignals(True)
            self.reference.clear()
            self.reference.addItems(names)
            self.reference.blockSignals(False)
        if beside.name not in names and beside.name != (names[0] if names else ""):
            beside.choose(names[0] if names else "")
            return  # it has told everybody, this panel too
        self.reference.blockSignals(True)
        self.reference.setCurrentIndex(names.index(beside.name) if beside.name in names else -1)
        self.reference.blockSignals(False)
        self.keep.setEnabled(self.desk.document.state.live is not None)
        for page in (self.parts, self.methods, self.reuse, self.elsewhere):
            page.refresh()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a circuit", "", "Circuits (*.circuit *.json)")
        if path:
            self.desk.beside.open(Path(path))
