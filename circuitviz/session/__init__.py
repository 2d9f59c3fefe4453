"""The document that a person works on, and the steps that can be undone."""

from circuitviz.session.commands import (
    Command,
    choose_edges,
    move_nodes,
    replace_circuit,
    restore_all,
    set_label,
    toggle_ablation,
)
from circuitviz.session.document import Change, Document
from circuitviz.session.grouping import (
    collapse,
    expand,
    group_classes,
    group_nodes,
    rename_group,
    show_classes,
    show_heads,
    ungroup,
)
from circuitviz.session.groups import Group
from circuitviz.session.provenance import Provenance
from circuitviz.session.state import Label, State

__all__ = [
    "Change",
    "Command",
    "Document",
    "Group",
    "Label",
    "Provenance",
    "State",
    "choose_edges",
    "collapse",
    "expand",
    "group_classes",
    "group_nodes",
    "move_nodes",
    "rename_group",
    "replace_circuit",
    "restore_all",
    "set_label",
    "show_classes",
    "show_heads",
    "toggle_ablation",
    "ungroup",
]
