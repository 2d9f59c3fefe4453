"""The document that a person works on, and the steps that can be undone."""

from circuitviz.session.causal import Trial, mean_of, measure_trial
from circuitviz.session.commands import (
    Command,
    choose_edges,
    filter_view,
    intervene,
    judge_by,
    members_of,
    move_nodes,
    move_threshold,
    replace_circuit,
    restore_all,
    revisit,
    set_label,
    switch_basis,
    toggle_ablation,
)
from circuitviz.session.document import Change, Document, judged_by
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
from circuitviz.session.label_commands import (
    add_evidence,
    remove_evidence,
    remove_labels,
    set_labels,
    set_outcome,
)
from circuitviz.session.labels import ROLES, Basis, Evidence, Label, Outcome
from circuitviz.session.provenance import Provenance
from circuitviz.session.search import Hit, search
from circuitviz.session.sight import Sight
from circuitviz.session.state import State

__all__ = [
    "Basis",
    "Change",
    "Command",
    "Document",
    "Group",
    "Hit",
    "Evidence",
    "Label",
    "Outcome",
    "Provenance",
    "ROLES",
    "Sight",
    "State",
    "Trial",
    "add_evidence",
    "choose_edges",
    "collapse",
    "expand",
    "filter_view",
    "group_classes",
    "group_nodes",
    "intervene",
    "members_of",
    "judge_by",
    "judged_by",
    "measure_trial",
    "mean_of",
    "move_nodes",
    "move_threshold",
    "remove_evidence",
    "remove_labels",
    "rename_group",
    "replace_circuit",
    "restore_all",
    "search",
    "revisit",
    "set_label",
    "set_labels",
    "set_outcome",
    "show_classes",
    "show_heads",
    "switch_basis",
    "toggle_ablation",
    "ungroup",
]
