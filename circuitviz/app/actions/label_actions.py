"""Saying what parts do, and testing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow
    from circuitviz.panels.labels import LabelsPanel


def _panel(window: MainWindow) -> LabelsPanel:
    window.places.bring("labels")
    return window.panels["labels"]  # type: ignore[return-value]


@action("label-round", "Labelling round", "Edit", "Shift+L", needs="circuit")
def _round(window: MainWindow) -> None:
    _panel(window).begin_round()


@action("label-blind", "Blind re-labelling", "Edit", needs="circuit")
def _blind(window: MainWindow) -> None:
    _panel(window).begin_round(blind=True)


@action("label-suggest", "Suggest roles", "Edit", "Ctrl+Shift+R", needs="circuit")
def _suggest(window: MainWindow) -> None:
    panel = _panel(window)
    panel.tabs.setCurrentWidget(panel.suggestions)
    if panel.suggestions.result is None and panel.suggestions.score.isEnabled():
        panel.suggestions.start()


@action("label-import", "Import labels…", "File", needs="circuit")
def _import(window: MainWindow) -> None:
    _panel(window).ask_import()


@action("label-export", "Export labels…", "File", needs="circuit")
def _export(window: MainWindow) -> None:
    _panel(window).ask_export()
