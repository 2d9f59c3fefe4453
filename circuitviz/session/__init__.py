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
from circuitviz.session.provenance import Provenance
from circuitviz.session.state import Label, State

__all__ = [
    "Change",
    "Command",
    "Document",
    "Label",
    "Provenance",
    "State",
    "choose_edges",
    "move_nodes",
    "replace_circuit",
    "restore_all",
    "set_label",
    "toggle_ablation",
]
