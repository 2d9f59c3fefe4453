"""What several panels need before they can be used: an open model, dictionaries."""

from __future__ import annotations

from functools import partial

from circuitviz.graph.names import display_name
from circuitviz.panels.registry import MissingStep
from circuitviz.workbench.requests.open_document_model import FROM_DISK, FROM_NETWORK
from circuitviz.workspace.workspace import Workspace


def model_step(workspace: Workspace, subject: str) -> MissingStep | None:
    """The step that is missing where no model is open.

    Args:
        workspace: Knows what is open.
        subject: What needs the model, in the plural, as a sentence begins.

    Returns:
        The step; None where a model is open, or no circuit is.
    """
    origin = workspace.state.origin
    if workspace.opened_model is not None or workspace.state.circuit is None:
        return None
    if workspace.search_controller.is_running:
        return MissingStep(f"{subject} need the model; a search is running.")
    if origin is None:
        return MissingStep(
            f"{subject} need a model and a task, and this circuit names none.",
            "Choose them…",
            partial(workspace.panel_requested.emit, "discovery"),
        )
    if workspace.prompt_circuits.is_opening:
        return MissingStep(f"{subject} need the model {display_name(origin.model)}, which is being opened.")
    needed = workspace.prompt_circuits.needed_model
    is_download = needed is not None and not needed.is_downloaded
    return MissingStep(
        f"{subject} need the model {display_name(origin.model)}, which is not open.",
        "Download the model…" if is_download else "Open the model",
        partial(workspace.prompt_circuits.open_needed_model, FROM_NETWORK if is_download else FROM_DISK),
    )


def has_dictionaries(workspace: Workspace) -> bool:
    """Whether dictionaries of the model are open, or ship with it."""
    opened, query = workspace.opened_model, workspace.state.query
    is_demo = opened is not None and opened.model == "demo"
    has_own = query is not None and bool(query.dictionaries)
    return is_demo or has_own or bool(workspace.dictionary_folders)


def has_features(workspace: Workspace) -> bool:
    """Whether the circuit is of one prompt, or dictionaries of its model are open or ship with it."""
    return workspace.state.is_prompt_circuit or has_dictionaries(workspace)
