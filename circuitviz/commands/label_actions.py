"""Saying what parts do, and testing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.panels.labels.panel import LabelsPanel
    from circuitviz.shell.main_window import MainWindow


def _panel(window: MainWindow) -> LabelsPanel:
    window.dock_manager.bring_to_front("labels")
    return window.panels["labels"]  # type: ignore[return-value]


@command("label-round", "Labelling round", "Edit", "Shift+L", condition="circuit")
def _round(window: MainWindow) -> None:
    _panel(window).begin_round()


@command("label-blind", "Blind re-labelling", "Edit", condition="circuit")
def _blind(window: MainWindow) -> None:
    _panel(window).begin_round(is_blind=True)


@command("label-suggest", "Suggest roles", "Edit", "Ctrl+Shift+R", condition="circuit")
def _suggest(window: MainWindow) -> None:
    panel = _panel(window)
    panel.tabs.setCurrentWidget(panel.role_suggestions)
    if panel.role_suggestions.role_scores is None and panel.role_suggestions.score_button.isEnabled():
        panel.role_suggestions.score_heads()


@command("label-import", "Import labels…", "File", condition="circuit")
def _import(window: MainWindow) -> None:
    _panel(window).choose_import_file()


@command("label-export", "Export labels…", "File", condition="circuit")
def _export(window: MainWindow) -> None:
    _panel(window).choose_export_file()
