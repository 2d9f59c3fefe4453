"""The reading of one node of an open prompt: a feature or neuron by its directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import features
from circuitviz.errors import InputError
from circuitviz.features import dashboards
from circuitviz.graph import Node, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.notebook_methods import NotebookObject

if TYPE_CHECKING:
    from circuitviz.workbench.prompt_session import PromptSession

N_TOP_TOKENS = 6


@dataclass(frozen=True)
class PromptNodeReading(NotebookObject):
    """A node's reading on its prompt.

    Attributes:
        node: name of the node.
        activation: its activation; None where the prompt's run does not have the node.
        norm_fraction: the length of what the node writes over that of all that its site writes at its
            position; None where nothing of a site is written.
        promoted_tokens: tokens whose logits a feature's or neuron's direction raises most.
        suppressed_tokens: tokens whose logits it lowers most.
    """

    node: str
    activation: float | None
    norm_fraction: float | None
    promoted_tokens: tuple[dashboards.TokenEffect, ...] = ()
    suppressed_tokens: tuple[dashboards.TokenEffect, ...] = ()


def read_prompt_node(session: PromptSession, name: str) -> PromptNodeReading:
    """Read a node of an open prompt; a feature's or neuron's tokens are one product with the unembedding.

    Args:
        session: The open prompt.
        name: Name of the node, such as ``m3.f12@7``. Of a logit, which is in no table, the reading is empty.
    """
    table = session.table
    try:
        row = table.index(name)
    except InputError:
        target = next((one for one in session.targets if one.node.name == name), None)
        if target is None or target.node.kind is not NodeKind.NEURON:
            return PromptNodeReading(name, None, None)
        return PromptNodeReading(name, target.value, None, *_neuron_tokens(table, target.node))
    node, fraction = table.node(row), _norm_fraction(table, row)
    activation = float(table.activation[row])
    if node.kind is NodeKind.NEURON:
        return PromptNodeReading(name, activation, fraction, *_neuron_tokens(table, node))
    if node.kind is not NodeKind.FEATURE or node.feature is None:
        return PromptNodeReading(name, activation, fraction)
    dictionary = table.dictionaries[site_of(node)]
    promoted, suppressed = dashboards.token_effects(table.run.model, dictionary, node.feature, N_TOP_TOKENS)
    return PromptNodeReading(name, activation, fraction, tuple(promoted), tuple(suppressed))


def _neuron_tokens(
    table: features.NodeTable, node: Node
) -> tuple[tuple[dashboards.TokenEffect, ...], tuple[dashboards.TokenEffect, ...]]:
    assert node.layer is not None and node.feature is not None
    model = table.run.model
    direction = features.neuron_directions(model, node.layer, [node.feature])[0]
    promoted, suppressed = dashboards.token_effects_of(model, direction, N_TOP_TOKENS)
    return tuple(promoted), tuple(suppressed)


def _norm_fraction(table: features.NodeTable, row: int) -> float | None:
    """The length of a node's output over its site's at that position."""
    layer, position = int(table.layer[row]), int(table.position[row])
    if layer < 0:
        return None
    node = table.node(row)
    written = table.run.written_at(features.DictionarySite(layer, site_of(node)[0], "written"))[position]
    whole = float(written.norm())
    return float(table.written[row].norm()) / whole if whole > 0 else None
