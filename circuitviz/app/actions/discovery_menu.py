"""Finding circuits and measuring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("run", "Find circuit", "Discovery", "Ctrl+R", "run")
def _run(window: MainWindow) -> None:
    window.find()


@action("attach", "Measure on this model and task", "Discovery", needs="imported")
def _attach(window: MainWindow) -> None:
    window.panels["discovery"].attach()  # type: ignore[attr-defined]


@action("cancel", "Cancel the running job", "Discovery", "Ctrl+.", "cancel")
def _cancel(window: MainWindow) -> None:
    window.desk.cancel()


@action("curve", "Measure the faithfulness curve", "Discovery", needs="circuit")
def _curve(window: MainWindow) -> None:
    window.desk.draw_curve()
