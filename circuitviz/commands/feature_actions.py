"""Circuits of features: trace what is selected, or ask of a prompt; traces over many examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("trace-node", "Trace the selected node", "Discovery", "Shift+T", condition="traceable")
def _trace(window: MainWindow) -> None:
    window.workspace.prompt_circuits.trace_selected_node()


@command("feature-circuit", "Circuit of a feature or token…", "Discovery", "Ctrl+6")
def _ask(window: MainWindow) -> None:
    window.dock_manager.bring_to_front("feature-circuit")
    form = window.panels["feature-circuit"].query_form  # type: ignore[attr-defined]
    form.target_field.setFocus()


@command("copy-traces", "Copy the traces that are shown", "Edit", "Ctrl+Shift+T")
def _copy_traces(window: MainWindow) -> None:
    window.panels["traces"].copy_current_page()  # type: ignore[attr-defined]
