"""Groups of nodes: put together, named, closed to a box and opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command
from circuitviz.document import group_by_label, show_class_view, show_head_view

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("group", "Group the selected nodes…", "Groups", "Ctrl+G", "group", "nodes", in_toolbar=True)
def _group(window: MainWindow) -> None:
    window.group_controller.begin_group()


@command("rename-group", "Rename the group…", "Groups", "F2", condition="group")
def _rename(window: MainWindow) -> None:
    window.group_controller.begin_rename()


@command("fold", "Collapse or expand", "Groups", "C", "fold", "group", in_toolbar=True)
def _fold(window: MainWindow) -> None:
    window.group_controller.toggle_collapsed()


@command("ungroup", "Ungroup", "Groups", "Ctrl+Shift+G", condition="group")
def _ungroup(window: MainWindow) -> None:
    window.group_controller.dissolve_groups()


@command("group-classes", "Group by label", "Groups", condition="classes")
def _group_classes(window: MainWindow) -> None:
    window.workspace.apply_command(group_by_label())


@command("class-view", "Class view: all groups collapsed", "Groups", "Shift+C", condition="classes")
def _class_view(window: MainWindow) -> None:
    window.workspace.run_guarded(window.workspace.apply_command, show_class_view())


@command("head-view", "Head view: all groups expanded", "Groups", "Shift+H", condition="boxes")
def _head_view(window: MainWindow) -> None:
    window.workspace.apply_command(show_head_view())
