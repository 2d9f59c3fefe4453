"""Everything that is written into the residual stream in one run, each part as one row of a matrix.

Features, errors, heads, tokens, positions and biases are rows alike; they add up to the stream. An edge
is then a dot product of a row with what its target reads (``rows``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.prompt_run import Run
from circuitviz.graph import Node, NodeKind

NODE_KINDS = tuple(NodeKind)
_SITE_NODE_NAMES = {NodeKind.ERROR: "error", NodeKind.SKIP: "skip", NodeKind.BIAS: "bias"}
_NODE_NAME = re.compile(r"([am])(\d+)(?:\.(f|h|error|skip|bias)(\d*))?@(\d+)|(token|position)@(\d+)")
_KIND_OF_LETTER = {
    "f": NodeKind.FEATURE,
    "h": NodeKind.HEAD,
    "error": NodeKind.ERROR,
    "skip": NodeKind.SKIP,
    "bias": NodeKind.BIAS,
}


@dataclass(frozen=True, eq=False)
class NodeTable:
    """All nodes of one run [nodes], by position, and at each position in order of computation.

    kind: index into ``NODE_KINDS``; layer: −1 for tokens and positions; part: 1 where attention writes it;
    position; item: index of a feature or head, else −1; stage: when it writes (``stages``);
    activation: a feature's value, 1 for every other node; written: [nodes, d], its activation times
    its direction. dictionaries: by site (``a3``); a site without one has heads, or its MLP as a leaf.
    """

    run: Run
    dictionaries: Mapping[str, Dictionary]
    kind: NDArray[np.int8]
    layer: NDArray[np.int16]
    part: NDArray[np.bool_]
    position: NDArray[np.int32]
    item: NDArray[np.int64]
    stage: NDArray[np.int16]
    activation: Tensor
    written: Tensor

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        return f"NodeTable({len(self):,} nodes of {self.run.time} tokens)"

    @cached_property
    def position_starts(self) -> NDArray[np.intp]:
        """First node of each position, and the number of nodes at the end [time + 1]."""
        return np.searchsorted(self.position, np.arange(self.run.time + 1))

    def rows_before(self, position: int, stage: int) -> slice:
        """The nodes of a position that wrote at stages below one."""
        first, last = int(self.position_starts[position]), int(self.position_starts[position + 1])
        return slice(first, first + int(np.searchsorted(self.stage[first:last], stage)))

    @cached_property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Nodes that nothing flows into: tokens, positions, errors, biases, MLPs without features."""
        leaves = [i for i, kind in enumerate(NODE_KINDS) if kind.is_leaf or kind is NodeKind.MLP]
        return np.isin(self.kind, leaves)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Bias nodes: no part of the prompt, so no threshold drops them."""
        return self.kind == NODE_KINDS.index(NodeKind.BIAS)

    @cached_property
    def readers_by_stage(self) -> list[NDArray[np.intp]]:
        """Nodes that read something, by stage, the last stage first."""
        stages = np.where(self.is_leaf, -1, self.stage)
        order = np.argsort(-stages, kind="stable")[: int((stages >= 0).sum())]
        return np.split(order, np.flatnonzero(np.diff(stages[order])) + 1)

    def node(self, index: int) -> Node:
        """A node by its row."""
        kind = NODE_KINDS[int(self.kind[index])]
        position, item = int(self.position[index]), int(self.item[index])
        if kind in (NodeKind.TOKEN, NodeKind.POSITION):
            token = int(self.run.tokens[position]) if kind is NodeKind.TOKEN else None
            return Node(f"{kind}@{position}", kind, position=position, token=token)
        layer, part = int(self.layer[index]), "a" if self.part[index] else "m"
        site = f"{part}{layer}"
        place = {"layer": layer, "site": part, "position": position}
        if kind is NodeKind.FEATURE:
            name, of = f"{site}.f{item}@{position}", self.dictionaries[site].name
            return Node(name, kind, feature=item, dictionary=of, **place)  # type: ignore[arg-type]
        if kind is NodeKind.HEAD:
            return Node(f"{site}.h{item}@{position}", kind, head=item, **place)  # type: ignore[arg-type]
        inside = f".{_SITE_NODE_NAMES[kind]}" if kind in _SITE_NODE_NAMES else ""
        return Node(f"{site}{inside}@{position}", kind, **place)  # type: ignore[arg-type]

    def index(self, name: str) -> int:
        """A node's row by its name; InputError where it is not active or does not exist."""
        found = _NODE_NAME.fullmatch(name)
        if found is None:
            raise InputError(
                f"'{name}' names no node of a prompt; nodes are named as m3.f123@7 (a feature at position "
                "7), a3.h1@7, m3.error@7 or token@7."
            )
        if found[6]:
            kind, layer, part, item, position = NodeKind(found[6]), -1, "a", -1, int(found[7])
        else:
            part, layer, position = found[1], int(found[2]), int(found[5])
            kind = _KIND_OF_LETTER[found[3]] if found[3] else NodeKind.MLP
            item = int(found[4]) if found[4] else -1
        self.check_position(position)
        here = slice(int(self.position_starts[position]), int(self.position_starts[position + 1]))
        match = (self.kind[here] == NODE_KINDS.index(kind)) & (self.layer[here] == layer)
        match &= (self.item[here] == item) & ((self.part[here] == (part == "a")) | (layer < 0))
        rows = np.flatnonzero(match)
        if not len(rows):
            raise InputError(self._inactive_message(name, part, layer, position))
        return here.start + int(rows[0])

    def check_position(self, position: int) -> None:
        """InputError on a position that the prompt does not have."""
        if not 0 <= position < self.run.time:
            raise InputError(
                f"Position {position} was given; the prompt has {self.run.time} tokens, so 0 to "
                f"{self.run.time - 1} would be right."
            )

    def features_at(self, site: str, position: int) -> NDArray[np.intp]:
        """Rows of the features that are active at a site and position, the most active first."""
        self.check_position(position)
        layer, part = int(site[1:]), site[0] == "a"
        here = (self.position == position) & (self.layer == layer) & (self.part == part)
        rows = np.flatnonzero(here & (self.kind == NODE_KINDS.index(NodeKind.FEATURE)))
        order = np.argsort(-self.activation.cpu().numpy()[rows], kind="stable")
        return np.asarray(rows[order])

    def _inactive_message(self, name: str, part: str, layer: int, position: int) -> str:
        site = f"{part}{layer}"
        if site not in self.dictionaries:
            there = "no dictionary was given for it" if layer >= 0 else "there is no such node"
            return f"There is no node '{name}' in this run: {there}." + suggest_name(site, self.dictionaries)
        number, most = name.partition(".f")[2].partition("@")[0], self.dictionaries[site].features
        if number.isdigit() and int(number) >= most:
            return f"'{name}' is not active, nor can it be: that dictionary has {most:,} features."
        rows = self.features_at(site, position)
        token = self.run.strings[position]
        if not len(rows):
            return f"'{name}' is not active: no feature of {site} is, at position {position} ({token!r})."
        first = ", ".join(
            f"{self.node(int(r)).name} ({float(self.activation[int(r)]):.2g})" for r in rows[:3]
        )
        return (
            f"'{name}' is not active at position {position} ({token!r}), so it has no circuit there; "
            f"{len(rows)} features of {site} are, first of all {first}."
        )
