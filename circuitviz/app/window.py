"""The main window puts canvas, docks and actions together; the desk does the work."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QChildEvent, QEvent
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QMessageBox, QStackedWidget, QWidget

from circuitviz.app.basis import Basis
from circuitviz.app.chrome import Chrome
from circuitviz.app.dialogs import show_failure
from circuitviz.app.docks import Docks
from circuitviz.app.drawing import Drawing
from circuitviz.app.drops import Drops
from circuitviz.app.files import Files
from circuitviz.app.find_bar import FindBar
from circuitviz.app.grouping import Grouping
from circuitviz.app.looks import Looks
from circuitviz.app.notices import Notices, above
from circuitviz.app.palette import Palette
from circuitviz.app.recovery import Recovery
from circuitviz.app.settings import Settings
from circuitviz.app.start import StartPage
from circuitviz.app.tour import Tour
from circuitviz.app.trails import Trails
from circuitviz.canvas.theme import Theme
from circuitviz.canvas.view import CircuitView
from circuitviz.jobs import Failed, UseThreads
from circuitviz.layout import layouts
from circuitviz.panels import Desk
from circuitviz.panels.sides import own, told_unjoined
from circuitviz.session import Document, members_of, move_nodes, restore_all, toggle_ablation


class MainWindow(QMainWindow):
    """Window, canvas, docks. Not a line of engine: everything long goes to the desk's worker."""

    def __init__(self, desk: Desk | None = None, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.desk = desk or Desk()
        self.looks = Looks(self)
        self.view = CircuitView()
        self.start = StartPage()
        self.dialog: QMessageBox | None = None
        self.layout_name = "layered"
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start)
        self.pages.addWidget(self.view)
        self.notices = Notices(self)
        self.setCentralWidget(above(self.notices, self.pages))
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 600)
        self.resize(1280, 800)
        self.places = Docks(self)
        self.panels, self.docks = self.places.panels, self.places.by_name
        self.files = Files(self)
        self.recovery = Recovery(self)
        self.drops = Drops(self)
        self.grouping = Grouping(self)
        self.drawing = Drawing(self)
        self.basis = Basis(self)
        self.trails = Trails(self)
        self.chrome = Chrome(self)
        self.palette_ = Palette(self)
        self.tour = Tour(self)
        self._connect()
        self.find_bar = FindBar(self)  # after the canvas has heard of a change
        self.looks.apply()
        self.use_device(self.settings.device)
        self.desk.ask(UseThreads(self.settings.threads))
        if (kept := self.settings.geometry) is not None:
            self.restoreGeometry(kept[0])
            self.restoreState(kept[1])
        self.places.prepare()
        self.show_start()

    def _connect(self) -> None:
        desk, start = self.desk, self.start
        self.view.wondered.connect(desk.live.wonder)
        self.view.node_moved.connect(lambda places: desk.do(move_nodes(places)))
        desk.state_changed.connect(self.redraw)
        desk.document_opened.connect(self.document_opened)
        desk.document_shown.connect(self.files.shown)
        desk.failed.connect(self.show_failed)
        desk.asking.arriving.connect(lambda: setattr(self, "layout_name", "tokens"))
        desk.asking.answered.connect(lambda: self.drawing.then(self.view.fit))
        desk.undo.cleanChanged.connect(lambda _clean: self.retitle())
        start.example_chosen.connect(self.open_example)
        start.file_chosen.connect(self.files.open_path)
        start.open_wanted.connect(self.files.ask_open)
        start.model_wanted.connect(lambda: self.panels["discovery"]._browse_model())  # type: ignore[attr-defined]
        start.task_wanted.connect(lambda: self.panels["discovery"]._browse_task())  # type: ignore[attr-defined]

    # what is shown

    def redraw(self) -> None:
        """Draw the desk's state."""
        state = self.desk.state
        bare = bool(self.places.away)
        if state.circuit is not None:
            self.places.show(True)
            self.pages.setCurrentWidget(self.view)
        self.drawing.draw(soon=bare)  # to bring the docks is a frame's work, and to draw is another's
        self.retitle()
        self.chrome.refresh()

    def retitle(self) -> None:
        """File name and modified mark."""
        name = self.desk.document.path.name if self.desk.document.path else "Untitled circuit"
        shown = "circuitviz" if self.desk.state.circuit is None else f"{name}[*] – circuitviz"
        self.setWindowTitle(shown)
        self.setWindowModified(self.desk.document.dirty and self.desk.state.circuit is not None)

    def show_start(self) -> None:
        """The start page; the open circuit stays open behind it."""
        self.start.show_recent(self.settings.recent)
        self.pages.setCurrentWidget(self.start)
        if self.desk.state.circuit is None:
            self.places.show(False)

    def document_opened(self) -> None:
        """Another document is on the desk."""
        self.files.opened()
        self.drawing.forget()
        self.view.picture = type(self.view.picture)()

    def show_failed(self, failed: Failed) -> None:
        """One dialog at a time; the application goes on."""
        if self.dialog is not None:
            self.dialog.close()
            self.dialog.deleteLater()
        self.dialog = show_failure(failed, self)

    # actions

    def open_example(self, task: str) -> None:
        """Find the circuit of a built-in task on the demo model."""
        if self.files.may_leave():
            self.desk.set_document(Document())
            form = self.panels["discovery"]
            form.model.setEditText("demo")  # type: ignore[attr-defined]
            form.task.setEditText(task)  # type: ignore[attr-defined]
            self.pages.setCurrentWidget(self.view)
            self.view.show_circuit(type(self.view.picture)(), "Loading the demo model …")
            form.start(example=True)  # type: ignore[attr-defined]

    def find(self) -> None:  # type: ignore[override] # QWidget.find looks windows up by number
        """Start the discovery that the form describes."""
        self.panels["discovery"].start()  # type: ignore[attr-defined]

    def toggle_ablation(self) -> None:
        """Take the selection out of the circuit, or put it back."""
        nodes, edges = own(self.desk.state, self.desk.nodes, self.desk.edges)
        if self.desk.nodes and not members_of(self.desk.state, self.desk.nodes) and not edges:
            target = ", ".join(sorted(self.desk.nodes))
            self.desk.say(f"The circuit is of {target}, which therefore stays; take out what leads there.")
        elif nodes or edges:
            self.desk.do(toggle_ablation(nodes, edges))
            if note := told_unjoined(self.desk, nodes):
                self.desk.say(note)
        elif self.desk.nodes or self.desk.edges:
            self.desk.say("This circuit has nothing of what is selected, so there is nothing to take out.")

    def restore_all(self) -> None:
        """Put everything back."""
        self.desk.do(restore_all())

    def begin_label(self) -> None:
        """Write a label for the selected node."""
        self.places.bring("inspector")
        if self.desk.blind:
            self.desk.say("Labels are hidden until the blind round ends.")
        self.panels["inspector"].label.setFocus()  # type: ignore[attr-defined]

    def copy_command(self) -> None:
        """The command line that finds this circuit."""
        where = self.desk.document.state.provenance
        if where is not None:
            QGuiApplication.clipboard().setText(where.command())
            self.desk.say("Copied: " + where.command())

    def next_layout(self) -> None:
        """Go to the next layout that has something of its own to show."""
        if (circuit := self.desk.state.circuit) is None:
            return
        graph, nodes = circuit.graph, circuit.node_names
        entries = ((entry.name, entry.extra.get("columns")) for entry in layouts.entries())
        names = [name for name, columns in entries if not columns or columns(graph, nodes)]
        place = names.index(self.layout_name) if self.layout_name in names else -1
        self.choose_layout(names[(place + 1) % len(names)])

    def choose_layout(self, name: str) -> None:
        """Go to a layout; moved nodes stay where they were put."""
        self.layout_name = name
        self.redraw()
        self.drawing.then(partial(self._laid_out, name))

    def _laid_out(self, name: str) -> None:
        self.view.fit()
        if name == "tokens" and not self.view.picture.columns:
            self.desk.say("These nodes stand at no token position, so they are laid out by layer.")
        else:
            self.desk.say(f"Layout: {layouts.get(name).summary}")

    def show_dialog(self, dialog: QDialog) -> None:
        """Show a dialog without blocking, instead of the one that is open."""
        if (before := self.findChild(QDialog, "only dialog")) is not None:
            before.close()
        dialog.setObjectName("only dialog")
        dialog.open()

    def use_device(self, name: str) -> None:
        """Run models there from the next search on."""
        self.desk.device = name
        self.panels["discovery"].device.setCurrentText(name)  # type: ignore[attr-defined]

    # colours

    @property
    def theme(self) -> Theme:
        """What the window wears."""
        return self.looks.theme

    def choose_theme(self, name: str) -> None:
        """``light``, ``dark`` or ``system``, until the next choice."""
        self.looks.wear(name)

    def switch_theme(self) -> None:
        """From light to dark and back; kept for the next start."""
        self.settings.theme = "light" if self.theme.dark else "dark"
        self.looks.apply()

    def follow_system(self) -> None:
        """Light or dark as the system is."""
        self.settings.theme = "system"
        self.looks.apply()

    # coming and going

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab passes over what stands behind a tab, which Qt calls visible."""
        start = QApplication.focusWidget()
        while super().focusNextPrevChild(next):
            now = QApplication.focusWidget()
            if now is None or now is start or self.places.in_sight(now):
                return True
            start = start or now
        return False

    def childEvent(self, event: QChildEvent) -> None:
        """A dialog, a tab bar, a menu is shown for the first time."""
        if event.type() is QEvent.Type.ChildPolished and isinstance(child := event.child(), QWidget):
            self.looks.dress(child)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say what dropping these files would do."""
        if self.drops.enter(event.mimeData()):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They went elsewhere."""
        self.drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped: a circuit, a model's folder, a task, or labels."""
        if self.drops.drop(event.mimeData()):
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask, then end the worker before the window goes."""
        if not self.files.may_leave():
            event.ignore()
            return
        self.places.show(True)
        self.settings.geometry = (self.saveGeometry(), self.saveState())
        self.files.close()
        self.drawing.stop()
        self.desk.stop()
        self.desk.undo.blockSignals(True)  # it is destroyed after the window
        event.accept()
