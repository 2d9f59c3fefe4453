"""The document that a person works on, and the steps that can be undone."""

from circuitviz.session.causal import PromptEvaluationRequest, describe_mean, evaluate_prompt_request
from circuitviz.session.commands import (
    Command,
    select_edges,
    set_filters,
    set_intervention,
    set_evaluation_setting,
    expand_nodes,
    move_nodes,
    change_threshold,
    replace_circuit,
    restore_all,
    restore_ablation,
    set_label,
    switch_basis,
    toggle_ablation,
)
from circuitviz.session.document import AppliedCommand, Document, evaluation_setting_of
from circuitviz.session.grouping import (
    collapse_groups,
    expand_groups,
    group_by_label,
    group_nodes,
    rename_group,
    show_class_view,
    show_head_view,
    dissolve_groups,
)
from circuitviz.session.groups import Group
from circuitviz.session.label_commands import (
    add_evidence,
    remove_evidence,
    remove_labels,
    set_labels,
    set_outcome,
)
from circuitviz.session.labels import ROLES, EvidenceContext, Evidence, Label, Outcome
from circuitviz.session.provenance import Provenance
from circuitviz.session.search import NodeMatch, search_nodes
from circuitviz.session.sight import ViewFilters
from circuitviz.session.state import State

__all__ = [
    "EvidenceContext",
    "AppliedCommand",
    "Command",
    "Document",
    "Group",
    "NodeMatch",
    "Evidence",
    "Label",
    "Outcome",
    "Provenance",
    "ROLES",
    "ViewFilters",
    "State",
    "PromptEvaluationRequest",
    "add_evidence",
    "select_edges",
    "collapse_groups",
    "expand_groups",
    "set_filters",
    "group_by_label",
    "group_nodes",
    "set_intervention",
    "expand_nodes",
    "set_evaluation_setting",
    "evaluation_setting_of",
    "evaluate_prompt_request",
    "describe_mean",
    "move_nodes",
    "change_threshold",
    "remove_evidence",
    "remove_labels",
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
