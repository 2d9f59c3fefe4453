"""When a command can be used: each function returns why not, in a sentence, or an empty text."""

from __future__ import annotations

from circuitviz.document.group_commands import groups_of_selection
from circuitviz.document.groups import outermost_collapsed
from circuitviz.document.node_text import pinned_nodes
from circuitviz.workbench.requests.switch_basis import plan_basis_switch, refuse_spans
from circuitviz.workspace import Workspace

NO_CIRCUIT = "No circuit is open."


def has_circuit(workspace: Workspace) -> str:
    """A circuit is open."""
    return "" if workspace.document.state.circuit is not None else NO_CIRCUIT


def has_own_circuit(workspace: Workspace) -> str:
    """A circuit is open that is not the partial result of a search."""
    if workspace.partial_result is not None:
        return "The circuit can be saved once its search has ended."
    return "" if workspace.user_document.state.circuit is not None else NO_CIRCUIT


def has_selection(workspace: Workspace) -> str:
    """Nodes or edges of a circuit are selected."""
    is_selected = bool(workspace.selected_nodes or workspace.selected_edges)
    return has_circuit(workspace) or ("" if is_selected else "Select nodes or edges first.")


def has_selected_nodes(workspace: Workspace) -> str:
    """Nodes of a circuit are selected."""
    return has_circuit(workspace) or ("" if workspace.selected_nodes else "Select nodes first.")


def has_one_node(workspace: Workspace) -> str:
    """Exactly one node is selected."""
    return "" if len(workspace.selected_nodes) == 1 else "Select one node first."


def has_two_nodes(workspace: Workspace) -> str:
    """Exactly two nodes are selected."""
    is_pair = len(workspace.selected_nodes) == 2
    return has_circuit(workspace) or ("" if is_pair else "Select two nodes first.")


def has_selected_site(workspace: Workspace) -> str:
    """A selected node belongs to a site that a dictionary may decompose."""
    if refusal := refuse_spans(workspace.document.state):
        return refusal
    plan = plan_basis_switch(workspace.document.state, workspace.selected_nodes)
    return "" if plan is not None else "Select a head, an MLP or a feature first."


def has_traceable_node(workspace: Workspace) -> str:
    """The selected node is one that a prompt circuit can be asked of."""
    is_traceable = workspace.prompt_circuits.traceable_node is not None
    return "" if is_traceable else "Select one feature, head or logit of a prompt circuit first."


def has_imported_circuit(workspace: Workspace) -> str:
    """The circuit comes from another tool, or nobody knows from which model."""
    state = workspace.document.state
    is_imported = state.origin is None or state.origin.is_imported
    return has_circuit(workspace) or ("" if is_imported else "This circuit's model and task are known.")


def has_moved_nodes(workspace: Workspace) -> str:
    """Nodes were moved by hand."""
    return "" if workspace.document.state.positions else "No node was moved."


def has_marked_nodes(workspace: Workspace) -> str:
    """The circuit's file names pinned nodes."""
    scores = workspace.state.scores
    has_pinned = scores is not None and bool(pinned_nodes(scores.info))
    return "" if has_pinned else "The circuit's file names no pinned nodes."


def has_interventions(workspace: Workspace) -> str:
    """Something is ablated or changed."""
    return "Nothing is ablated." if workspace.document.state.is_unmodified else ""


def has_selected_group(workspace: Workspace) -> str:
    """A group, or a node of one, is selected."""
    names = groups_of_selection(workspace.document.state, workspace.selected_nodes)
    return "" if names else "Select a group or a node in one first."


def has_labelled_groups(workspace: Workspace) -> str:
    """There are groups, or labels that nodes share."""
    has_groups = bool(workspace.document.state.groups_with_classes)
    return "" if has_groups else "There are no groups and no labels to group by."


def has_collapsed_groups(workspace: Workspace) -> str:
    """A group is drawn as one box."""
    return "" if outermost_collapsed(workspace.document.state.groups) else "No group is collapsed."


def has_filters(workspace: Workspace) -> str:
    """Filters hide something."""
    return "Filters hide nothing." if workspace.document.state.filters.shows_everything else ""
