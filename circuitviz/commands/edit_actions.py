"""Ablating, labelling, finding, and the settings."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication

from circuitviz.canvas.canvas_picture import picture_of_canvas
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.commands.conditions import has_circuit, has_interventions, has_one_node, has_selection
from circuitviz.commands.registry import command
from circuitviz.commands.services import DialogService, FindService, PanelService
from circuitviz.document import expand_nodes, toggle_ablation
from circuitviz.document import restore_all as restore_all_command
from circuitviz.panels.inspector.panel import InspectorPanel
from circuitviz.workbench.python_script import python_script
from circuitviz.workspace import Workspace
from circuitviz.workspace.clipboard_texts import copy_text
from circuitviz.workspace.comparison_text import describe_isolated_nodes, restrict_to_circuit


@command(
    "ablate", text="Ablate or restore", menu="Edit", group="change",
    shortcut="A", icon="ablate", enabled=has_selection,
    in_toolbar=True,
)  # fmt: skip
def ablate(workspace: Workspace) -> None:
    """Ablate the selected nodes and edges, or restore those that are ablated."""
    selected = workspace.selected_nodes, workspace.selected_edges
    nodes, edges = restrict_to_circuit(workspace.state, *selected)
    if selected[0] and not expand_nodes(workspace.state, selected[0]) and not edges:
        target = ", ".join(sorted(selected[0]))
        workspace.post_message(f"The target {target} cannot be ablated; select nodes upstream of it.")
    elif nodes or edges:
        workspace.apply_command(toggle_ablation(nodes, edges))
        if note := describe_isolated_nodes(workspace, nodes):
            workspace.post_message(note)
    else:
        workspace.post_message("Nothing selected belongs to this circuit.")


@command(
    "restore", text="Restore everything", menu="Edit", group="change", shortcut="Shift+A", icon="restore",
    enabled=has_interventions, in_toolbar=True,
)  # fmt: skip
def restore_everything(workspace: Workspace) -> None:
    """Restore everything that is ablated or changed."""
    workspace.apply_command(restore_all_command())


@command(
    "label",
    text="Label",
    menu="Edit",
    group="change",
    shortcut="L",
    icon="label",
    enabled=has_one_node,
    in_toolbar=True,
)
def label_node(docks: PanelService, inspector: InspectorPanel) -> None:
    """Write a label for the selected node."""
    docks.bring_to_front("inspector")
    inspector.label_field.setFocus()


@command(
    "find", text="Find on the canvas…", menu="Edit", group="find",
    shortcut="Ctrl+F", icon="find", enabled=has_circuit,
    in_toolbar=True,
)  # fmt: skip
def find_on_canvas(find_bar: FindService) -> None:
    """Find nodes by name, label, note, group, layer or token."""
    find_bar.open_card()


@command("find-next", text="Next result", menu="Edit", group="find", shortcut="F3", enabled=has_circuit)
def find_next(find_bar: FindService) -> None:
    """Go to the next node that was found."""
    find_bar.step_hit(1)


@command(
    "find-previous",
    text="Previous result",
    menu="Edit",
    group="find",
    shortcut="Shift+F3",
    enabled=has_circuit,
)
def find_previous(find_bar: FindService) -> None:
    """Go to the previous node that was found."""
    find_bar.step_hit(-1)


@command(
    "copy-command",
    text="Copy as a command",
    menu="Edit",
    group="copy",
    shortcut="Ctrl+Shift+C",
    enabled=has_circuit,
)
def copy_command_line(workspace: Workspace) -> None:
    """Copy the command line that finds this circuit."""
    origin = workspace.document.state.origin
    if origin is not None:
        QGuiApplication.clipboard().setText(origin.command_line())
        workspace.post_message("Copied: " + origin.command_line())


@command(
    "copy-picture", text="Copy a picture of the canvas", menu="Edit", group="copy",
    shortcut="Ctrl+Shift+I",
    enabled=has_circuit,
)  # fmt: skip
def copy_picture(view: CircuitView, workspace: Workspace) -> None:
    """Copy what the canvas shows, with twice the screen's pixels."""
    picture = picture_of_canvas(view)
    QGuiApplication.clipboard().setImage(picture)
    workspace.post_message(f"Copied a picture of {picture.width():,} × {picture.height():,} pixels")


@command("copy-python", text="Copy as Python", menu="Edit", group="copy", enabled=has_circuit)
def copy_python_script(workspace: Workspace) -> None:
    """Copy a script that repeats the search, the choice of edges, ablations and labels."""
    workspace.commit_input_requested.emit()
    copy_text(workspace, python_script, "a Python script")


@command("settings", text="Settings…", menu="Edit", group="settings", shortcut="Ctrl+,")
def show_settings(dialogs: DialogService) -> None:
    """Change the appearance, the device, the threads and the log level."""
    dialogs.show_settings()
