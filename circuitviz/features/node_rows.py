"""Table of everything that is written into the residual stream in one run, one row for each node.

Features, errors, heads, tokens, positions and biases sum to the stream. An edge is then a dot product of a
row with what its target reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.document import attribution_query
from circuitviz.document.attribution_query import HEADS_ATTENTION, TRANSPARENT_ATTENTION
from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.forward_order import residual_stage
from circuitviz.features.neurons import NeuronLayer, require_neurons
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.sites import PARTS, RESIDUAL_PART
from circuitviz.graph import Node, NodeKind
from circuitviz.models.device_arrays import copy_arrays

NODE_KINDS = tuple(NodeKind)
_SITE_NODE_NAMES = {NodeKind.ERROR: "error", NodeKind.SKIP: "skip", NodeKind.BIAS: "bias"}
_NODE_NAME = re.compile(r"([amr])(\d+)(?:\.(f|h|n|error|skip|bias)(\d*))?@(\d+)|(token|position)@(\d+)")
_KIND_OF_LETTER = {
    "f": NodeKind.FEATURE,
    "h": NodeKind.HEAD,
    "n": NodeKind.NEURON,
    "error": NodeKind.ERROR,
    "skip": NodeKind.SKIP,
    "bias": NodeKind.BIAS,
}


@dataclass(frozen=True)
class GraphConvention:
    """Which nodes an attribution graph has.

    Attributes:
        name: Its name.
        has_fixed_nodes: Whether biases and position embeddings are nodes.
        starts_at: The first position whose features and errors are nodes.
        demeans_logits: Whether a logit is explained minus the mean over the vocabulary.
    """

    name: str
    has_fixed_nodes: bool = True
    starts_at: int = 0
    demeans_logits: bool = False


OWN_CONVENTION = GraphConvention(attribution_query.OWN_CONVENTION)
CIRCUIT_TRACER = GraphConvention(
    attribution_query.CIRCUIT_TRACER_CONVENTION, has_fixed_nodes=False, starts_at=1, demeans_logits=True
)
CONVENTIONS = {one.name: one for one in (OWN_CONVENTION, CIRCUIT_TRACER)}


@dataclass(frozen=True, eq=False)
class LaterWrites:
    """What features of cross-layer transcoders write to MLP outputs of later layers, by position and stage.

    Attributes:
        node: [writes], rows of the table.
        position: [writes], the positions of these nodes.
        stage: [writes], when it is written.
        written: [writes, d_model], activation times direction.
    """

    node: NDArray[np.intp]
    position: NDArray[np.int32]
    stage: NDArray[np.int16]
    written: Tensor

    @cached_property
    def node_index(self) -> Tensor:
        """``node`` on the device."""
        return torch.from_numpy(self.node).to(self.written.device)

    def rows_between(self, position: int, first: int, end: int) -> slice:
        """Return the writes at a position, at stages from the first to the one before the end."""
        start, stop = np.searchsorted(self.position, [position, position + 1]).tolist()
        low, high = np.searchsorted(self.stage[start:stop], [first, end]).tolist()
        return slice(start + low, start + high)

    @cached_property
    def index_by_stage(self) -> dict[int, Tensor]:
        """By stage, the writes at it, on the device."""
        return {
            int(stage): torch.from_numpy(np.flatnonzero(self.stage == stage)).to(self.written.device)
            for stage in np.unique(self.stage)
        }


@dataclass(frozen=True, eq=False)
class NodeTable:
    """All nodes of one run, by position, and at each position in order of computation.

    Attributes:
        run: The run.
        dictionaries: By site (``a3``). A site without one has its heads, or its MLP as neurons or a leaf.
        kind: [nodes], index into ``NODE_KINDS``.
        layer: [nodes], −1 for tokens and positions.
        part: [nodes], which part writes the node, index into ``PARTS``; 0 for tokens and positions.
        position: [nodes].
        item: [nodes], index of a feature, neuron or head, else −1.
        stage: [nodes], when it writes (``forward_order``).
        activation: [nodes], a feature's or neuron's value; 1 for every other node.
        written: [nodes, d_model], activation times direction.
        later: What features write to later layers beside that; None where no transcoder is cross-layer.
        neurons: By layer, of MLPs without a dictionary some of whose neurons are nodes.
        attention: What attention without a dictionary is, ``transparent`` or ``heads``.
        convention: Which nodes there are, and how logits are read.
    """

    run: PromptRun
    dictionaries: Mapping[str, Dictionary]
    kind: NDArray[np.int8]
    layer: NDArray[np.int16]
    part: NDArray[np.int8]
    position: NDArray[np.int32]
    item: NDArray[np.int64]
    stage: NDArray[np.int16]
    activation: Tensor
    written: Tensor
    later: LaterWrites | None = None
    neurons: Mapping[int, NeuronLayer] = field(default_factory=dict)
    attention: str = HEADS_ATTENTION
    convention: GraphConvention = OWN_CONVENTION

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        return f"NodeTable({len(self):,} nodes of {self.run.time} tokens)"

    def is_transparent(self, layer: int) -> bool:
        """Whether edges pass through a layer's heads without a node."""
        return self.attention == TRANSPARENT_ATTENTION and f"a{layer}" not in self.dictionaries

    @cached_property
    def position_starts(self) -> NDArray[np.intp]:
        """First node of each position, and at the end the number of nodes, [time + 1]."""
        return np.searchsorted(self.position, np.arange(self.run.time + 1))

    @cached_property
    def residual_layers(self) -> tuple[int, ...]:
        """Layers before which there is an SAE of the residual stream, ascending."""
        sites = (dictionary.site for dictionary in self.dictionaries.values())
        return tuple(sorted(site.layer for site in sites if site.is_residual))

    def first_stage_read(self, stage: int) -> int:
        """Return the first stage of what is read below a stage: the last SAE of the stream before it.

        What was written earlier reaches a reader through the nodes of that SAE alone; 0 without one.
        """
        written_at = map(residual_stage, self.residual_layers)
        return max((one for one in written_at if one < stage), default=0)

    def rows_before(self, position: int, stage: int) -> slice:
        """Return the rows of a position's nodes that a node reads which reads stages below one."""
        return self.rows_between(position, self.first_stage_read(stage), stage)

    def rows_between(self, position: int, first: int, end: int) -> slice:
        """Return the rows of a position's nodes that wrote from one stage to the one before another."""
        start, stop = int(self.position_starts[position]), int(self.position_starts[position + 1])
        low, high = np.searchsorted(self.stage[start:stop], [first, end]).tolist()
        return slice(start + low, start + high)

    def written_before(self, stage: int) -> Tensor:
        """Return what a node reads of each node's output which reads stages below one, [nodes, d_model]."""
        first = self.first_stage_read(stage)
        before = torch.from_numpy((self.stage >= first) & (self.stage < stage)).to(self.written.device)
        total = self.written * before[:, None]
        if self.later is not None:
            is_read = (self.later.stage >= first) & (self.later.stage < stage)
            rows = torch.from_numpy(np.flatnonzero(is_read)).to(total.device)
            total.index_add_(0, self.later.node_index[rows], self.later.written[rows])
        return total

    @cached_property
    def position_index(self) -> Tensor:
        """``position`` on the device, int64 [nodes]."""
        return torch.from_numpy(self.position.astype(np.int64)).to(self.written.device)

    @cached_property
    def item_index(self) -> Tensor:
        """``item`` on the device [nodes]."""
        return torch.from_numpy(self.item).to(self.written.device)

    @cached_property
    def activation_on_host(self) -> NDArray[Any]:
        """``activation`` on the host [nodes]."""
        return self.activation.cpu().numpy()

    @cached_property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Nodes [nodes] that nothing flows into: tokens, positions, errors, biases, MLPs without features."""
        leaves = [i for i, kind in enumerate(NODE_KINDS) if kind.is_leaf or kind is NodeKind.MLP]
        return np.isin(self.kind, leaves)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Bias nodes [nodes]: they are no part of the prompt, so no threshold drops them."""
        return self.kind == NODE_KINDS.index(NodeKind.BIAS)

    @cached_property
    def readers_by_stage(self) -> list[NDArray[np.intp]]:
        """Rows of the nodes that read something, by stage, the last stage first."""
        stages = np.where(self.is_leaf, -1, self.stage)
        order = np.argsort(-stages, kind="stable")[: int((stages >= 0).sum())]
        return np.split(order, np.flatnonzero(np.diff(stages[order])) + 1)

    @cached_property
    def reader_index_by_stage(self) -> list[Tensor]:
        """``readers_by_stage`` on the device."""
        return self._copy_rows(self.readers_by_stage)

    @cached_property
    def index_by_stage(self) -> dict[int, Tensor]:
        """By stage, rows of the nodes that write at it, on the device."""
        order = np.argsort(self.stage, kind="stable")
        stages, starts = np.unique(self.stage[order], return_index=True)
        rows = self._copy_rows(np.split(order, starts[1:]))
        return dict(zip(stages.tolist(), rows, strict=True))

    @cached_property
    def features_by_site(self) -> dict[str, tuple[NDArray[np.intp], Tensor]]:
        """By site with a dictionary, rows of its active features, on the host and on the device."""
        is_feature = self.kind == NODE_KINDS.index(NodeKind.FEATURE)
        rows = [
            np.flatnonzero(is_feature & (self.layer == int(site[1:])) & (self.part == PARTS.index(site[0])))
            for site in self.dictionaries
        ]
        return dict(zip(self.dictionaries, zip(rows, self._copy_rows(rows), strict=True), strict=True))

    def _copy_rows(self, rows: list[NDArray[np.intp]]) -> list[Tensor]:
        """Several arrays of rows on the device, copied in one piece."""
        return copy_arrays(rows, self.written.device)

    def node(self, index: int) -> Node:
        """Return a node by its row."""
        kind = NODE_KINDS[int(self.kind[index])]
        position, item = int(self.position[index]), int(self.item[index])
        if kind in (NodeKind.TOKEN, NodeKind.POSITION):
            token = self.run.token_ids[position] if kind is NodeKind.TOKEN else None
            return Node(f"{kind}@{position}", kind, position=position, token=token)
        layer, part = int(self.layer[index]), PARTS[int(self.part[index])]
        site = f"{part}{layer}"
        common = {"layer": layer, "site": part, "position": position}
        if kind is NodeKind.FEATURE:
            name, dictionary = f"{site}.f{item}@{position}", self.dictionaries[site].name
            return Node(name, kind, feature=item, dictionary=dictionary, **common)  # type: ignore[arg-type]
        if kind is NodeKind.NEURON:
            return Node(f"{site}.n{item}@{position}", kind, feature=item, **common)  # type: ignore[arg-type]
        if kind is NodeKind.HEAD:
            return Node(f"{site}.h{item}@{position}", kind, head=item, **common)  # type: ignore[arg-type]
        suffix = f".{_SITE_NODE_NAMES[kind]}" if kind in _SITE_NODE_NAMES else ""
        return Node(f"{site}{suffix}@{position}", kind, **common)  # type: ignore[arg-type]

    def index(self, name: str) -> int:
        """Return a node's row by its name.

        Raises:
            InputError: The name is no node's, or the node is not active.
        """
        match = _NODE_NAME.fullmatch(name)
        if match is None:
            raise InputError(
                f"'{name}' names no node of a prompt; nodes are named as m3.f123@7 (a feature at position "
                "7), a3.h1@7, m3.error@7 or token@7."
            )
        if match[6]:
            kind, layer, part, item, position = NodeKind(match[6]), -1, "a", -1, int(match[7])
        else:
            part, layer, position = match[1], int(match[2]), int(match[5])
            kind = _KIND_OF_LETTER[match[3]] if match[3] else NodeKind.MLP
            item = int(match[4]) if match[4] else -1
        self.check_position(position)
        at_position = slice(int(self.position_starts[position]), int(self.position_starts[position + 1]))
        matching = (self.kind[at_position] == NODE_KINDS.index(kind)) & (self.layer[at_position] == layer)
        matching &= (self.item[at_position] == item) & (
            (self.part[at_position] == PARTS.index(part)) | (layer < 0)
        )
        rows = np.flatnonzero(matching)
        if not len(rows):
            raise InputError(self._inactive_message(name, part, layer, position))
        return at_position.start + int(rows[0])

    def activations_in(self, run: PromptRun, site: str) -> Tensor:
        """Return activations of all features or neurons of a site in any run, [time, items]."""
        dictionary = self.dictionaries.get(site)
        if dictionary is not None:
            return dictionary.encode(run.dictionary_input(dictionary))
        return require_neurons(run, int(site[1:]), 0).activation

    def check_position(self, position: int) -> None:
        """Raise InputError for a position that the prompt does not have."""
        if not 0 <= position < self.run.time:
            raise InputError(
                f"Position {position} was given; the prompt has {self.run.time} tokens, so 0 to "
                f"{self.run.time - 1} would be right."
            )

    def features_at(self, site: str, position: int) -> NDArray[np.intp]:
        """Return the rows of the features active at a site and position, the most active first."""
        self.check_position(position)
        layer, part = int(site[1:]), PARTS.index(site[0])
        is_at_site = (self.position == position) & (self.layer == layer) & (self.part == part)
        rows = np.flatnonzero(is_at_site & (self.kind == NODE_KINDS.index(NodeKind.FEATURE)))
        order = np.argsort(-self.activation_on_host[rows], kind="stable")
        return np.asarray(rows[order])

    def _inactive_message(self, name: str, part: str, layer: int, position: int) -> str:
        site, known = f"{part}{layer}", self.run.model.shape
        message = f"There is no node '{name}' in this run"
        if layer >= known.n_layers + (part == RESIDUAL_PART) or (part == "m" and not known.mlp):
            return f"{message}: the model has no {site}."
        head = re.fullmatch(r"a\d+\.h(\d+)@\d+", name)
        if head is not None and int(head[1]) >= known.n_heads:
            return f"{message}: heads of layer {layer} are a{layer}.h0 to a{layer}.h{known.n_heads - 1}."
        if head is not None and site in self.dictionaries:
            return (
                f"{message}: {site} is opened into the features of '{self.dictionaries[site].name}', which "
                "stand for its heads; where that site is not opened (--sites), they are nodes."
            )
        if head is not None:
            if self.convention is CIRCUIT_TRACER:
                return (
                    f"{message}: edges pass through heads in the convention '{self.convention.name}'; in "
                    f"'{OWN_CONVENTION.name}' a head that is the target is a node."
                )
            return f"{message}: edges pass through heads here; with --attention heads they are nodes."
        if site not in self.dictionaries:
            reason = "no dictionary was given for it" if layer >= 0 else "there is no such node"
            return f"{message}: {reason}." + suggest_name(site, self.dictionaries)
        number, n_features = name.partition(".f")[2].partition("@")[0], self.dictionaries[site].features
        if number.isdigit() and int(number) >= n_features:
            return f"'{name}' is not active, nor can it be: that dictionary has {n_features:,} features."
        rows = self.features_at(site, position)
        token = self.run.strings[position]
        if not len(rows):
            return f"'{name}' is not active: no feature of {site} is, at position {position} ({token!r})."
        strongest = ", ".join(
            f"{self.node(int(r)).name} ({self.activation_on_host[int(r)]:.2g})" for r in rows[:3]
        )
        return (
            f"'{name}' is not active at position {position} ({token!r}), so it has no circuit there; "
            f"{len(rows)} features of {site} are, first of all {strongest}."
        )
