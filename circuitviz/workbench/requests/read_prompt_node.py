"""What the inspector reads of a node of a prompt: a feature by its directions, an error by its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.discover_prompt_circuit import require_prompt_session
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.features import NodeTable
    from circuitviz.features.dashboards import TokenEffect
    from circuitviz.workbench.engine import Engine

N_TOP_TOKENS = 6


@dataclass(frozen=True)
class PromptNodeReading:
    """A node's reading. promotes, suppresses: tokens that a feature's decoder raises and lowers.

    norm_fraction: the length of what a node writes over that of all that its site writes at its position, None
    where nothing of a site is written. activation: None where the prompt's run does not have the node.
    """

    node: str
    activation: float | None
    norm_fraction: float | None
    promoted_tokens: tuple[TokenEffect, ...] = ()
    suppressed_tokens: tuple[TokenEffect, ...] = ()


@dataclass(frozen=True)
class ReadPromptNode(Query):
    """Read a node of the open prompt."""

    title = "Could not read the node"
    activity = "Reading a node"
    priority = Priority.READ_NODE
    needs_task = False

    attribution_query: AttributionQuery
    node: str

    def compute_steps(self, engine: Engine) -> ProgressSteps[PromptNodeReading]:
        """One step: a feature's tokens are one product with the unembedding."""
        yield from ()  # too short for a sign of progress
        table = require_prompt_session(engine, self.attribution_query).table
        try:
            row = table.index(self.node)
        except InputError:  # a neuron or a logit: what is explained is in no table
            return PromptNodeReading(self.node, None, None)
        node, share = table.node(row), _norm_fraction(table, row)
        activation = float(table.activation[row])
        if node.kind is not NodeKind.FEATURE or node.feature is None:
            return PromptNodeReading(self.node, activation, share)
        from circuitviz.features.dashboards import token_effects

        one = table.dictionaries[site_of(node)]
        up, down = token_effects(table.run.model, one, node.feature, N_TOP_TOKENS)
        return PromptNodeReading(self.node, activation, share, tuple(up), tuple(down))


def _norm_fraction(table: NodeTable, row: int) -> float | None:
    """The length of a node's output over its site's at that position."""
    layer, position = int(table.layer[row]), int(table.position[row])
    if layer < 0:
        return None
    written = (table.run.attention if table.part[row] else table.run.mlp)[layer][position]
    whole = float(written.norm())
    return float(table.written[row].norm()) / whole if whole > 0 else None
