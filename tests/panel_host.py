"""Panels on a workspace of their own, for tests that need no main window."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.canvas.stylesheet import WINDOW_STYLESHEET, stylesheet
from circuitviz.commands import commands
from circuitviz.commands.services import PanelService
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.formats import export_document, open_document, save_document
from circuitviz.graph import TraceSet
from circuitviz.jobs import JobHandle
from circuitviz.models import load_model
from circuitviz.panels.registry import Panel, panels
from circuitviz.scene.theme import LIGHT
from circuitviz.workbench.record_origin import rebuild_task
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workbench.requests.messages import JobFailed, Request
from circuitviz.workspace.workspace import Workspace

LONG = 90_000
PANEL_SIZE_PX = 900, 420
N_PROMPTS = 16
N_EDGES = 100
IOI_SEARCH = DiscoverCircuit("demo", "ioi", None, N_PROMPTS, 0, "eap-ig", {}, "", "corrupted", "", N_EDGES)
PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED_PROMPT = "When Mary and John went to the store, Anna gave a drink to"
LOCAL_PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
PROMPT_QUERY = AttributionQuery(
    "demo", PROMPT, target="logit-diff", gate="absolute", nodes=60, corrupted=CORRUPTED_PROMPT,
    correct=(" Mary",), incorrect=(" John",),
)  # fmt: skip


class PanelHost:
    """A workspace and the panels that a test asks for.

    Attributes:
        workspace: The panels' workspace.
        requests: What was submitted, where the worker does not run.
        failures: What was reported as failed.
        messages: Lines for the status bar.
        requested_panels: Names of panels that were to be brought to the front.
    """

    def __init__(self, qtbot: QtBot, workspace: Workspace) -> None:
        self._qtbot, self.workspace = qtbot, workspace
        self._panels: dict[str, Panel] = {}
        self.requests: list[JobHandle] = []
        self.failures: list[JobFailed] = []
        self.messages: list[str] = []
        self.requested_panels: list[str] = []
        self._catalog: Catalog | None = None
        workspace.failure_reported.connect(self.failures.append)
        workspace.message_posted.connect(self.messages.append)
        workspace.panel_requested.connect(self.requested_panels.append)
        workspace.catalog_received.connect(lambda catalog: setattr(self, "_catalog", catalog))

    def panel(self, name: str) -> Any:
        """A panel by its registered name, made when it is first asked for; not shown."""
        if name not in self._panels:
            self._panels[name] = panels.get(name).value(self.workspace)
            self._panels[name].setStyleSheet(WINDOW_STYLESHEET + stylesheet(LIGHT))  # labels are plain text
            self._qtbot.addWidget(self._panels[name])
            self._panels[name].set_in_front(False)
            if self._catalog is not None:  # the window's panels are there before it comes
                self.workspace.catalog_received.emit(self._catalog)
            if self.workspace.opened_model is not None:
                self.workspace.model_ready.emit(self.workspace.opened_model)
        return self._panels[name]

    def show(self, name: str) -> Any:
        """A panel that is shown, as the one in front of its tabs."""
        panel = self.panel(name)
        panel.resize(*PANEL_SIZE_PX)
        with self._qtbot.waitActive(panel):
            panel.show()
            panel.activateWindow()
        panel.set_in_front(True)
        return panel

    def bring_to_front(self, name: str) -> None:
        """Show a panel, as the window's docks do for commands."""
        self.show(name)

    def run_command(self, name: str) -> None:
        """Run a user command that needs the workspace or panels."""
        services: dict[type, Any] = {Workspace: self.workspace, PanelService: self}
        services |= {type(panel): panel for panel in self._panels.values()}
        commands.get(name).value.run(services)

    def open_document(self, path: Path) -> None:
        """Open a copy of a file's document, and wait until its model is open where the worker runs."""
        self.workspace.set_document(open_document(path))
        if self.workspace.worker.isRunning():
            self._qtbot.waitUntil(
                lambda: self.workspace.opened_model is not None or bool(self.failures), timeout=LONG
            )
            assert self.workspace.opened_model is not None, self.failures

    def submitted(self, kind: type[Request]) -> list[JobHandle]:
        """The jobs of one kind that were submitted, where the worker does not run."""
        return [handle for handle in self.requests if isinstance(handle.request, kind)]

    @property
    def evaluation(self) -> dict[str, Any]:
        """The exact evaluation of what is on the screen."""
        evaluation = self.workspace.document.evaluation
        assert evaluation is not None
        return evaluation

    def is_measured(self) -> bool:
        """Whether the exact faithfulness of what is on the screen is known."""
        return self.workspace.partial_result is None and self.workspace.document.evaluation is not None

    def has_measure(self, name: str) -> bool:
        """Whether a measure of the document is there, as a whole."""
        return bool(self.workspace.document.measures.get(name, {}).get("done"))

    def wait_until_measured(self) -> None:
        """Wait for the exact faithfulness of what is on the screen."""
        self._qtbot.waitUntil(self.is_measured, timeout=LONG)

    def save(self, path: Path) -> None:
        """Save the document, as the window does."""
        save_document(self.workspace.document, path)
        self.workspace.document.mark_saved(path)

    def export(self, path: Path) -> None:
        """Export the document in the format of the suffix."""
        export_document(self.workspace.document, path)

    def reopen(self, path: Path) -> None:
        """Open a file in the background, as a person does."""
        with self._qtbot.waitSignal(self.workspace.document_shown, timeout=LONG):
            self.workspace.open_file(path)

    def find_circuit(self, model: str, task: str) -> None:
        """Search with the form of the Discovery panel, and wait for the circuit's faithfulness."""
        form = self.panel("discovery")
        form.model_box.setEditText(model)
        form.task_box.setEditText(task)
        form.prompts_field.setValue(N_PROMPTS)
        before = self.workspace.document.state
        form.start_search()
        self._qtbot.waitUntil(lambda: self.workspace.user_document.state is not before, timeout=LONG)
        self.wait_until_measured()

    def show_features(self) -> Any:
        """The Features panel, with the demo's dictionaries indexed and a dashboard."""
        panel = self.show("features")
        self.wait_until_indexed()
        self._qtbot.waitUntil(lambda: panel.dashboard_view.dashboard is not None, timeout=LONG)
        return panel

    def wait_until_indexed(self) -> None:
        """Wait until the Features panel has the statistics of an indexed text."""
        panel = self.panel("features")
        self._qtbot.waitUntil(
            lambda: bool(panel.dictionary_overview and panel.dictionary_overview.features_by_site),
            timeout=LONG,
        )

    def read_page(self, name: str) -> Any:
        """A page of the Readings panel, brought to the front by its button, with its reading."""
        panel = self.show("readings")
        self._qtbot.mouseClick(panel.page_buttons[name], Qt.MouseButton.LeftButton)
        page = panel.pages_by_name[name]
        self.wait_for_reading(page)
        return page

    def wait_for_reading(self, page: Any) -> None:
        """Wait until a page shows what it has asked for."""
        self._qtbot.waitUntil(
            lambda: page._requested_query is not None and page._shown_query == page._requested_query,
            timeout=LONG,
        )

    def click_cell(self, heat_map: Any, row: int, column: int) -> None:
        """Click a cell of a heat map."""
        place = heat_map.cell_center(row, column).toPoint()
        self._qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=place)

    def load_task(self) -> tuple[Any, Any]:
        """The demo model and the document's task, opened apart from the workspace."""
        model = load_model("demo")
        return model, rebuild_task(self.workspace.document.state.origin, model)

    def label_node(self, node: str, role: str) -> None:
        """Label a node with the fields of the Labels panel."""
        panel = self.show("labels")
        self.workspace.set_selection(frozenset({node}), frozenset())
        panel.role_box.setCurrentText(role)
        self._qtbot.mouseClick(panel.label_button, Qt.MouseButton.LeftButton)

    def label_cell(self, row: int, column: int) -> str:
        """What a cell of the table of labels says."""
        return str(self.panel("labels").sort_proxy.index(row, column).data())

    def add_claim(self, test: str, **options: object) -> list[str]:
        """Add a claim to the shown label with the dialog, and wait for its verdict.

        Returns:
            The tests that the dialog offered.
        """
        box = self.panel("labels").evidence_box
        n_before = len(box.evidence)
        self._qtbot.waitUntil(box.add_button.isEnabled, timeout=LONG)
        self._qtbot.mouseClick(box.add_button, Qt.MouseButton.LeftButton)
        dialog = box.claim_dialog
        tests = [dialog.test_box.itemData(i) for i in range(dialog.test_box.count())]
        dialog.test_box.setCurrentIndex(dialog.test_box.findData(test))
        for name, value in options.items():
            field = dialog.options_form.fields[name]
            setter = next(s for s in ("setCurrentText", "setValue", "setText") if hasattr(field, s))
            getattr(field, setter)(value)
        self._qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
        self._qtbot.waitUntil(
            lambda: len(box.evidence) > n_before and box.evidence[-1].outcome is not None, timeout=LONG
        )
        return tests

    def collect_traces(self, feature: str, **fields: int) -> TraceSet:
        """Collect with the form of the Traces panel; returns what is shown then."""
        panel = self.show("traces")
        form = panel.collect_form
        form.feature_field.setText(feature)
        for name, value in fields.items():
            getattr(form, f"{name}_field").setValue(value)
        self._qtbot.mouseClick(form.collect_button, Qt.MouseButton.LeftButton)
        assert not form.collect_button.isEnabled() and form.cancel_button.isEnabled()
        self._qtbot.waitUntil(form.collect_button.isEnabled, timeout=LONG)
        traces: TraceSet = panel.current_page.collection.traces
        return traces


def read_table(plot: Any, path: Path) -> list[dict[str, str]]:
    """The table behind a plot, exported to a file and read again."""
    plot.save(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def strongest_features(path: Path) -> list[str]:
    """Two features of a file's circuit, the strongest first."""
    state = open_document(path).state
    assert state.scores is not None and state.circuit is not None
    index, strength = state.circuit.graph.sender_index, state.scores.node_scores()
    features = [name for name in state.circuit.node_names if ".f" in name and name in index]
    return sorted(features, key=lambda name: -abs(strength[index[name]]))[:2]
