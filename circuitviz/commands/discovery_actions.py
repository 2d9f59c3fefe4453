"""Finding circuits and measuring them."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit, has_imported_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.panels.discovery.panel import DiscoveryPanel
from circuitviz.panels.prompt_editor.panel import PromptEditorPanel
from circuitviz.workspace import Workspace


@command("run", text="Find circuit", menu="Discovery", group="search", shortcut="Ctrl+R", icon="run")
def find_circuit(form: DiscoveryPanel) -> None:
    """Find a circuit with what the form says."""
    form.start_search()


@command("own_prompts", text="Own prompts…", menu="Discovery", group="prompts", shortcut="Ctrl+Shift+O")
def edit_own_prompts(panels: PanelService, editor: PromptEditorPanel) -> None:
    """Write pairs of prompts, and use them as the task of a search."""
    panels.bring_to_front("prompt_editor")
    editor.begin_typing()


@command("edit_task", text="Edit the task as own prompts", menu="Discovery", group="prompts")
def edit_task_as_own_prompts(workspace: Workspace, panels: PanelService, editor: PromptEditorPanel) -> None:
    """Open the pairs of the task that the search form names in the editor of own prompts."""
    panels.bring_to_front("prompt_editor")
    editor.edit_task(workspace.search_form.task)


@command(
    "attach",
    text="Measure on this model and task",
    menu="Discovery",
    group="measure",
    enabled=has_imported_circuit,
)
def attach_circuit(form: DiscoveryPanel) -> None:
    """Measure an imported circuit on the model and the task of the form."""
    form.attach_circuit()


@command(
    "cancel",
    text="Cancel the running job",
    menu="Discovery",
    group="search",
    shortcut="Ctrl+.",
    icon="cancel",
)
def cancel_jobs(workspace: Workspace) -> None:
    """Cancel everything that runs or waits; what a search has so far is offered."""
    workspace.cancel_jobs()


@command(
    "curve", text="Measure the faithfulness curve", menu="Discovery", group="measure", enabled=has_circuit
)
def measure_curve(workspace: Workspace) -> None:
    """Measure faithfulness against the number of edges."""
    workspace.measure_curve()
