"""Labels: rounds of labelling, suggested roles, files."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.panels.labels.panel import LabelsPanel


@command(
    "label-round",
    text="Labelling round",
    menu="Edit",
    group="labels",
    shortcut="Shift+L",
    enabled=has_circuit,
)
def begin_round(docks: PanelService, labels: LabelsPanel) -> None:
    """Label one node after another, the strongest first."""
    docks.bring_to_front("labels")
    labels.begin_round()


@command(
    "label-suggest",
    text="Suggest roles",
    menu="Edit",
    group="labels",
    shortcut="Ctrl+Shift+R",
    enabled=has_circuit,
)
def suggest_roles(docks: PanelService, labels: LabelsPanel) -> None:
    """Score every head on the tests of known roles."""
    docks.bring_to_front("labels")
    labels.tabs.setCurrentWidget(labels.role_suggestions)
    if labels.role_suggestions.role_scores is None and labels.role_suggestions.score_button.isEnabled():
        labels.role_suggestions.score_heads()


@command("label-import", text="Import labels…", menu="File", group="export", enabled=has_circuit)
def import_labels(docks: PanelService, labels: LabelsPanel) -> None:
    """Read labels from a JSONL or CSV file."""
    docks.bring_to_front("labels")
    labels.choose_import_file()


@command("label-export", text="Export labels…", menu="File", group="export", enabled=has_circuit)
def export_labels(docks: PanelService, labels: LabelsPanel) -> None:
    """Write the labels to a JSONL or CSV file."""
    docks.bring_to_front("labels")
    labels.choose_export_file()
