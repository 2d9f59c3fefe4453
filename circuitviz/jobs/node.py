"""What the inspector reads of a node of a prompt: a feature by its directions, an error by its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.graph import Kind
from circuitviz.graph.opened import site_of
from circuitviz.jobs.look import Look
from circuitviz.jobs.prompted import opened_prompt
from circuitviz.progress import Steps
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.features import NodeTable
    from circuitviz.features.dashboards import TokenEffect
    from circuitviz.jobs.engine import Engine

TOKENS = 6


@dataclass(frozen=True)
class NodeRead:
    """A node's reading. promotes, suppresses: tokens that a feature's decoder raises and lowers.

    share: the length of what a node writes over that of all that its site writes at its position, None
    where nothing of a site is written. activation: None where the prompt's run does not have the node.
    """

    node: str
    activation: float | None
    share: float | None
    promotes: tuple[TokenEffect, ...] = ()
    suppresses: tuple[TokenEffect, ...] = ()


@dataclass(frozen=True)
class ReadNode(Look):
    """Read a node of the open prompt."""

    title = "Reading a node"
    rank = 20
    of_task = False

    question: Question
    node: str

    def see(self, engine: Engine) -> Steps[NodeRead]:
        """One step: a feature's tokens are one product with the unembedding."""
        yield from ()  # too short for a sign of progress
        table = opened_prompt(engine, self.question).table
        try:
            row = table.index(self.node)
        except InputError:  # a neuron or a logit: what is explained is in no table
            return NodeRead(self.node, None, None)
        node, share = table.node(row), _share(table, row)
        activation = float(table.activation[row])
        if node.kind is not Kind.FEATURE or node.feature is None:
            return NodeRead(self.node, activation, share)
        from circuitviz.features.dashboards import token_effects

        one = table.dictionaries[site_of(node)]
        up, down = token_effects(table.run.model, one, node.feature, TOKENS)
        return NodeRead(self.node, activation, share, tuple(up), tuple(down))


def _share(table: NodeTable, row: int) -> float | None:
    """The length of a node's output over its site's at that position."""
    layer, position = int(table.layer[row]), int(table.position[row])
    if layer < 0:
        return None
    written = (table.run.attention if table.part[row] else table.run.mlp)[layer][position]
    whole = float(written.norm())
    return float(table.written[row].norm()) / whole if whole > 0 else None
