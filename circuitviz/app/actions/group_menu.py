"""Groups of nodes: put together, named, closed to a box and opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action
from circuitviz.session import group_classes, show_classes, show_heads

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("group", "Group the selected nodes…", "Groups", "Ctrl+G", "group", "nodes", toolbar=True)
def _group(window: MainWindow) -> None:
    window.grouping.begin_group()


@action("rename-group", "Rename the group…", "Groups", "F2", needs="group")
def _rename(window: MainWindow) -> None:
    window.grouping.begin_rename()


@action("fold", "Collapse or expand", "Groups", "C", "fold", "group", toolbar=True)
def _fold(window: MainWindow) -> None:
    window.grouping.fold()


@action("ungroup", "Ungroup", "Groups", "Ctrl+Shift+G", needs="group")
def _ungroup(window: MainWindow) -> None:
    window.grouping.ungroup()


@action("group-classes", "Group by label", "Groups", needs="classes")
def _group_classes(window: MainWindow) -> None:
    window.desk.do(group_classes())


@action("class-view", "Class view: all groups collapsed", "Groups", "Shift+C", needs="classes")
def _class_view(window: MainWindow) -> None:
    window.desk.guarded(window.desk.do, show_classes())


@action("head-view", "Head view: all groups expanded", "Groups", "Shift+H", needs="boxes")
def _head_view(window: MainWindow) -> None:
    window.desk.do(show_heads())
