"""What heads carry between the features of the open prompt, and why they look where they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.look import Look, Table
from circuitviz.jobs.prompted import opened_prompt
from circuitviz.progress import Steps
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.features import Target
    from circuitviz.features.channels import Channels, ScoreSeen
    from circuitviz.jobs.engine import Engine
    from circuitviz.session.prompted import Prompted


@dataclass(frozen=True)
class ChannelsOf(Look):
    """OV: what reaches a node through each head; ``source``: of that node's edge into it."""

    title = "Reading what heads carry"
    rank = 21
    of_task = False

    question: Question
    node: str
    source: str | None = None

    def see(self, engine: Engine) -> Steps[Channels]:
        """One step: a few products a head."""
        from circuitviz.features.channels import channels

        yield from ()  # too short for a sign of progress
        opened = opened_prompt(engine, self.question)
        return channels(opened.edges, target_of(opened, self.node), self.source)


@dataclass(frozen=True)
class ScoreOf(Look):
    """QK: the pairs of nodes that make a head's score.

    head: ``a2.h3``, empty: the one that carries most to the node; query, key: positions, None: the node's
    own, and the source's or else where the head looks most.
    """

    title = "Reading why a head looks there"
    rank = 21
    of_task = False

    question: Question
    node: str
    source: str | None = None
    head: str = ""
    query: int | None = None
    key: int | None = None

    def see(self, engine: Engine) -> Steps[ScoreSeen]:
        """One step: a forward pass for the score, and a product of what both positions hold."""
        from circuitviz.features.channels import channels, seen_score
        from circuitviz.graph import Kind

        yield from ()  # too short for a sign of progress
        opened = opened_prompt(engine, self.question)
        target = target_of(opened, self.node)
        head, key = self.head, self.key
        if not head and target.node.kind is Kind.HEAD:
            head = self.node.partition("@")[0]
        elif not head:
            head = channels(opened.edges, target, self.source).strongest.head
        query = target.node.position if self.query is None else self.query
        assert query is not None  # every target of a prompt stands somewhere
        if key is None and self.source is not None:
            key = opened.table.node(opened.table.index(self.source)).position
            key = key if key is not None and key <= query else None
        layer, dot, index = head[1:].partition(".h")
        if not (dot and layer.isdecimal() and index.isdecimal()):
            raise InputError(f"'{head}' names no head; a name like a2.h3 would be right.")
        return seen_score(opened.table, int(layer), int(index), query, key)


def target_of(opened: Prompted, node: str) -> Target:
    """A node to read, or the target of the circuit itself by its name."""
    from circuitviz.features import node_target

    for target in opened.targets:
        if target.node.name == node:
            return target
    return node_target(opened.table, node)


def channels_table(seen: Channels) -> Table:
    """A row for each head and source that it carries, the head's whole and the given source's part first."""
    rows: Table = [["target", "head", "source", "value"]]
    for one in seen.heads:
        rows.append([seen.target, one.head, "everything", one.total])
        if one.given is not None:
            rows.append([seen.target, one.head, seen.source, one.given])
        rows += [[seen.target, one.head, share.name, share.value] for share in one.sources]
    return rows


def score_table(seen: ScoreSeen) -> Table:
    """The strongest pairs, then both sides' marginals."""
    rows: Table = [["head", "query_position", "key_position", "what", "query", "key", "value"]]
    place = [seen.head, seen.query, seen.key]
    rows += [[*place, "pair", *pair] for pair in seen.pairs]
    rows += [[*place, "query marginal", one.name, "", one.value] for one in seen.by_query]
    rows += [[*place, "key marginal", "", one.name, one.value] for one in seen.by_key]
    return [*rows, [*place, "score", "", "", seen.score]]
