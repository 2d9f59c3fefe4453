"""Circuits of features: trace what is selected, or ask of a prompt; traces over many examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("trace-node", "Trace the selected node", "Discovery", "Shift+T", needs="traceable")
def _trace(window: MainWindow) -> None:
    window.desk.asking.trace_selected()


@action("feature-circuit", "Circuit of a feature or token…", "Discovery", "Ctrl+6")
def _ask(window: MainWindow) -> None:
    window.places.bring("feature-circuit")
    form = window.panels["feature-circuit"].form  # type: ignore[attr-defined]
    form.target.setFocus()


@action("copy-traces", "Copy the traces that are shown", "Edit", "Ctrl+Shift+T")
def _copy_traces(window: MainWindow) -> None:
    window.panels["traces"].copy_shown()  # type: ignore[attr-defined]
