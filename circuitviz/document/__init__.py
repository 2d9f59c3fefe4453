"""The document: a circuit with labels, groups and filters, and the commands that change it."""

from circuitviz.document.circuit_commands import (
    Command,
    change_threshold,
    expand_nodes,
    move_nodes,
    replace_circuit,
    restore_ablation,
    restore_all,
    select_edges,
    set_evaluation_setting,
    set_filters,
    set_intervention,
    set_label,
    switch_basis,
    toggle_ablation,
)
from circuitviz.document.document import AppliedCommand, Document, evaluation_setting_of
from circuitviz.document.group_commands import (
    collapse_groups,
    dissolve_groups,
    expand_groups,
    group_by_label,
    group_nodes,
    group_several,
    rename_group,
    show_class_view,
    show_head_view,
)
from circuitviz.document.groups import Group
from circuitviz.document.label_commands import (
    add_evidence,
    remove_evidence,
    remove_labels,
    set_labels,
    set_outcome,
)
from circuitviz.document.labels import ROLES, ClaimOutcome, Evidence, EvidenceContext, Label
from circuitviz.document.node_search import NodeMatch, search_nodes
from circuitviz.document.origin import Origin, PromptOrigin, TaskOrigin
from circuitviz.document.state import State
from circuitviz.document.steering_commands import add_steering, remove_steering
from circuitviz.document.view_filters import ViewFilters

__all__ = [
    "EvidenceContext",
    "AppliedCommand",
    "Command",
    "Document",
    "Group",
    "NodeMatch",
    "Evidence",
    "Label",
    "ClaimOutcome",
    "Origin",
    "PromptOrigin",
    "TaskOrigin",
    "ROLES",
    "ViewFilters",
    "State",
    "add_evidence",
    "add_steering",
    "select_edges",
    "collapse_groups",
    "expand_groups",
    "set_filters",
    "group_by_label",
    "group_several",
    "group_nodes",
    "set_intervention",
    "expand_nodes",
    "set_evaluation_setting",
    "evaluation_setting_of",
    "move_nodes",
    "change_threshold",
    "remove_evidence",
    "remove_labels",
    "remove_steering",
    "rename_group",
    "replace_circuit",
    "restore_all",
    "search_nodes",
    "restore_ablation",
    "set_label",
    "set_labels",
    "set_outcome",
    "show_class_view",
    "show_head_view",
    "switch_basis",
    "toggle_ablation",
    "dissolve_groups",
]
