"""Finding circuits and measuring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("run", "Find circuit", "Discovery", "Ctrl+R", "run")
def _run(window: MainWindow) -> None:
    window.start_discovery()


@command("attach", "Measure on this model and task", "Discovery", condition="imported")
def _attach(window: MainWindow) -> None:
    window.panels["discovery"].attach_circuit()  # type: ignore[attr-defined]


@command("cancel", "Cancel the running job", "Discovery", "Ctrl+.", "cancel")
def _cancel(window: MainWindow) -> None:
    window.workspace.cancel_jobs()


@command("curve", "Measure the faithfulness curve", "Discovery", condition="circuit")
def _curve(window: MainWindow) -> None:
    window.workspace.measure_curve()
