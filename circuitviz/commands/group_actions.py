"""Groups of nodes: made, named, collapsed to a box and expanded again."""

from __future__ import annotations

from circuitviz.commands.conditions import (
    has_collapsed_groups,
    has_labelled_groups,
    has_selected_group,
    has_selected_nodes,
)
from circuitviz.commands.registry import command
from circuitviz.commands.services import GroupService
from circuitviz.document import group_by_label, show_class_view, show_head_view
from circuitviz.workspace import Workspace


@command(
    "group", text="Group the selected nodes…", menu="Groups", group="group", shortcut="Ctrl+G", icon="group",
    enabled=has_selected_nodes, in_toolbar=True,
)  # fmt: skip
def group_nodes(groups: GroupService) -> None:
    """Group the selected nodes under a name."""
    groups.begin_group()


@command(
    "rename-group",
    text="Rename the group…",
    menu="Groups",
    group="group",
    shortcut="F2",
    enabled=has_selected_group,
)
def rename_group(groups: GroupService) -> None:
    """Give the selected group another name."""
    groups.begin_rename()


@command(
    "fold", text="Collapse or expand", menu="Groups", group="fold",
    shortcut="C", icon="fold", enabled=has_selected_group,
    in_toolbar=True,
)  # fmt: skip
def toggle_collapsed(groups: GroupService) -> None:
    """Draw the selected groups as one box each, or as their nodes again."""
    groups.toggle_collapsed()


@command(
    "ungroup",
    text="Ungroup",
    menu="Groups",
    group="group",
    shortcut="Ctrl+Shift+G",
    enabled=has_selected_group,
)
def dissolve_groups(groups: GroupService) -> None:
    """Dissolve the selected groups; their nodes stay."""
    groups.dissolve_groups()


@command("group-classes", text="Group by label", menu="Groups", group="group", enabled=has_labelled_groups)
def group_classes(workspace: Workspace) -> None:
    """Make a group of all nodes that have the same label."""
    workspace.apply_command(group_by_label())


@command(
    "class-view", text="Class view: all groups collapsed", menu="Groups", group="fold", shortcut="Shift+C",
    enabled=has_labelled_groups,
)  # fmt: skip
def class_view(workspace: Workspace) -> None:
    """Collapse all groups, so that edges run between classes of nodes."""
    workspace.run_guarded(workspace.apply_command, show_class_view(), title="Could not show the classes")


@command(
    "head-view", text="Head view: all groups expanded", menu="Groups", group="fold", shortcut="Shift+H",
    enabled=has_collapsed_groups,
)  # fmt: skip
def head_view(workspace: Workspace) -> None:
    """Expand all groups."""
    workspace.apply_command(show_head_view())
