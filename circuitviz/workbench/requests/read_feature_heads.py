"""What heads carry between the features of the open prompt, and why they look where they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import features
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.discover_prompt_circuit import require_prompt_session
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine
    from circuitviz.workbench.prompt_session import PromptSession


@dataclass(frozen=True)
class ReadHeadChannels(Query):
    """OV_LABEL: what reaches a node through each head; ``source``: of that node's edge into it."""

    title = "Could not decompose the edge by heads"
    activity = "Decomposing the edge by heads"
    priority = Priority.READING
    needs_task = False

    attribution_query: AttributionQuery
    node: str
    source: str | None = None

    def compute_steps(self, engine: Engine) -> ProgressSteps[features.EdgeChannels]:
        """One step: a few products a head."""
        yield from ()  # too short for a sign of progress
        opened = require_prompt_session(engine, self.attribution_query)
        return features.edge_channels(opened.edges, find_target(opened, self.node), self.source)


@dataclass(frozen=True)
class ReadAttentionScore(Query):
    """QK_LABEL: the pairs of nodes that make a head's score.

    head: ``a2.h3``, empty: the one that carries most to the node; query, key: positions, None: the node's
    own, and the source's or else where the head looks most.
    """

    title = "Could not decompose the attention score"
    activity = "Decomposing the attention score"
    priority = Priority.READING
    needs_task = False

    attribution_query: AttributionQuery
    node: str
    source: str | None = None
    head: str = ""
    query: int | None = None
    key: int | None = None

    def compute_steps(self, engine: Engine) -> ProgressSteps[features.AttentionScoreBreakdown]:
        """One step: a forward pass for the score, and a product of what both positions hold."""
        yield from ()  # too short for a sign of progress
        opened = require_prompt_session(engine, self.attribution_query)
        target = find_target(opened, self.node)
        head, key = self.head, self.key
        if not head and target.node.kind is NodeKind.HEAD:
            head = self.node.partition("@")[0]
        elif not head:
            head = features.edge_channels(opened.edges, target, self.source).strongest.head
        query = target.node.position if self.query is None else self.query
        assert query is not None  # every target of a prompt stands somewhere
        if key is None and self.source is not None:
            key = opened.table.node(opened.table.index(self.source)).position
            key = key if key is not None and key <= query else None
        layer, dot, index = head[1:].partition(".h")
        if not (dot and layer.isdecimal() and index.isdecimal()):
            raise InputError(f"'{head}' names no head; a name like a2.h3 would be right.")
        return features.break_down_attention_score(opened.table, int(layer), int(index), query, key)


def find_target(prompt_session: PromptSession, node: str) -> features.Target:
    """A node to read, or the target of the circuit itself by its name."""
    for target in prompt_session.targets:
        if target.node.name == node:
            return target
    return features.node_target(prompt_session.table, node)


def channels_table(channels: features.EdgeChannels) -> TableRows:
    """A row for each head and source that it carries, the head's whole and the given source's part first."""
    rows: TableRows = [["target", "head", "source", "value"]]
    for one in channels.heads:
        rows.append([channels.target, one.head, "everything", one.total])
        if one.from_source is not None:
            rows.append([channels.target, one.head, channels.source, one.from_source])
        rows += [[channels.target, one.head, share.name, share.value] for share in one.sources]
    return rows


def score_table(attention_score: features.AttentionScoreBreakdown) -> TableRows:
    """The strongest pairs, then both sides' marginals."""
    rows: TableRows = [["head", "query_position", "key_position", "what", "query", "key", "value"]]
    place = [attention_score.head, attention_score.query, attention_score.key]
    rows += [[*place, "pair", *pair] for pair in attention_score.pairs]
    rows += [[*place, "query marginal", one.name, "", one.value] for one in attention_score.by_query]
    rows += [[*place, "key marginal", "", one.name, one.value] for one in attention_score.by_key]
    return [*rows, [*place, "score", "", "", attention_score.score]]
