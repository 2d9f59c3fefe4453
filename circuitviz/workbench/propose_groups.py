"""Proposed groups of a prompt circuit's features, with the faithfulness of the circuit of groups alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz import features
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.features import dashboards
from circuitviz.graph import NodeKind
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.prompt_evaluation import (
    PromptEvaluationRequest,
    measure_circuit_values,
    open_bench,
)

if TYPE_CHECKING:
    from circuitviz.workbench.prompt_session import PromptSession

GROUPED_KINDS = (NodeKind.FEATURE, NodeKind.NEURON)


@dataclass(frozen=True)
class GroupProposals:
    """What was proposed.

    Attributes:
        groups: The groups, the best score first.
        circuit_faithfulness: Of the circuit as it stands; None where it is undefined.
        grouped_faithfulness: Of the same circuit with every feature ablated that is in no group, proposed or
            there already: of what a picture of groups shows.
        n_ungrouped: How many features are in no group.
    """

    groups: tuple[features.ProposedGroup, ...]
    circuit_faithfulness: float | None
    grouped_faithfulness: float | None
    n_ungrouped: int

    def as_dict(self) -> dict[str, Any]:
        """The numbers, ready for JSON."""
        return {
            "groups": [
                {
                    "name": group.name,
                    "nodes": list(group.nodes),
                    "score": group.score,
                    "parts": dict(group.parts),
                }
                for group in self.groups
            ],
            "faithfulness": {"circuit": self.circuit_faithfulness, "grouped": self.grouped_faithfulness},
            "ungrouped": self.n_ungrouped,
        }


def propose_groups_steps(
    session: PromptSession, state: State, threshold: float = 0.5
) -> ProgressSteps[GroupProposals]:
    """Propose groups for the features of a state's circuit, as a generator of progress.

    Args:
        session: The circuit's prompt.
        state: The document's state; its groups stay as they are.
        threshold: The least mean similarity within a group (`features.propose_groups`).

    Raises:
        InputError: The circuit is not of one prompt, has no scores, or is too large.
    """
    circuit, scores = state.live_circuit, state.scores
    if circuit is None or scores is None or not state.is_prompt_circuit:
        raise InputError(
            "Groups are proposed for the features of one prompt's circuit, found here; find one first "
            "(circuitviz local-circuit, or Feature circuit)."
        )
    yield Progress(0, 3, "comparing features")
    table, grouped = session.table, frozenset[str]().union(*(group.nodes for group in state.groups.values()))
    names = [name for name in circuit.node_names if circuit.graph.node(name).kind in GROUPED_KINDS]
    names = [name for name in names if name in circuit.graph.sender_index]
    rows = table.item_index.new_tensor([table.index(name) for name in names])
    written = table.written[rows]
    directions = dict(zip(names, written.double().cpu().numpy(), strict=True))
    effects = dashboards.promoted_tokens_of(table.run.model, written, 1) if names else []
    top_tokens = {name: effect[0].token for name, effect in zip(names, effects, strict=True)}
    groups = features.propose_groups(
        scores, circuit, directions, top_tokens, threshold, grouped, state.groups
    )
    kept = grouped.union(*(group.nodes for group in groups))
    yield Progress(1, 3, "the circuit")
    circuit_value, grouped_value = yield from _faithfulness_steps(session, state, kept)
    n_ungrouped = sum(name not in kept for name in names)
    return GroupProposals(tuple(groups), circuit_value, grouped_value, n_ungrouped)


def _faithfulness_steps(
    session: PromptSession, state: State, kept: Collection[str]
) -> ProgressSteps[tuple[float | None, float | None]]:
    request, bench = PromptEvaluationRequest.from_state(state), open_bench(session)
    assert request is not None  # it is a prompt's circuit
    whole = measure_circuit_values(bench, request)
    yield Progress(2, 3, "the circuit of groups")
    table, target = session.table, session.target.node.name
    nodes = tuple(
        name
        for name in request.nodes
        if name in kept or name == target or table.node(table.index(name)).kind not in GROUPED_KINDS
    )
    interventions = {name: change for name, change in request.interventions.items() if name in nodes}
    grouped = measure_circuit_values(bench, replace(request, nodes=nodes, interventions=interventions))
    return whole.faithfulness, grouped.faithfulness
