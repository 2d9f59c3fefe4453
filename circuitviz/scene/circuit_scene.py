"""What is drawn of a circuit, without Qt: window, export and command line draw the same scene."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from circuitviz.graph import FoldedCircuit, NodeKind
from circuitviz.scene.box_label import group_title
from circuitviz.scene.edge_arrays import EdgeArrays, EdgeRows, FloatArray, IndexArray
from circuitviz.scene.node_styles import COMPONENT_STYLES, STYLE_DESCRIPTIONS, node_style

ANY_POSITION = "any position"  # instead of a token, below what stands at none
DEFAULT_MAX_WIDTH = 86.0  # of a labelled node's box, in scene units
SMALL_BOX_WIDTH = 30.0  # scene units; narrower packed boxes are dots from afar
LABELLED_NODE_HEIGHT = 40.0  # scene units of a box with two lines of text


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One node, or the box of a collapsed group.

    Attributes:
        name: the node's name, or the group's.
        kind: what it is in the model.
        x: of its middle, in scene units.
        y: of its middle, in scene units, upwards.
        score: the sum of the scores of the edges that leave it.
        label: a person's label and what was changed, else empty.
        colour: the label's or the group's colour, else empty; it tells classes apart.
        ablated: whether it is ablated.
        side: which of two compared circuits has it: ``both``, ``left``, ``right``, else empty.
        members: the nodes of a collapsed group.
        text: what is written instead of the name, where something says more: a token.
        facts: its numbers, in lines of words.
        pinned: whether the viewer that wrote the file had it pinned.
        max_width: how wide its box may become for a label, in scene units.
        max_height: how high its box may be; one line of text where two have no room.
        class_name: the label or the group that ``colour`` stands for, else empty.
        layer: its layer in the model; None of the input, the logits and groups.
        cell: width and height of its box in a grid of cells; None elsewhere.
        box: width and height of its box where many are packed into a view; None where its name decides.
    """

    name: str
    kind: NodeKind
    x: float
    y: float
    score: float = 0.0
    label: str = ""
    colour: str = ""
    ablated: bool = False
    side: str = ""
    members: tuple[str, ...] = ()
    text: str = ""
    facts: str = ""
    pinned: bool = False
    max_width: float = DEFAULT_MAX_WIDTH
    class_name: str = ""
    max_height: float = LABELLED_NODE_HEIGHT
    layer: int | None = None
    cell: tuple[float, float] | None = None
    box: tuple[float, float] | None = None

    @property
    def title(self) -> str:
        """What is written in its box: the name or token; of a group, its name and its label."""
        if self.members:
            return group_title(self.class_name or self.name, self.label)
        return self.text or self.name

    @property
    def title_without_position(self) -> str:
        """The title where a column tells the position: ``m3.f12`` of ``m3.f12@7``."""
        return self.title if self.members or self.text else self.name.partition("@")[0]

    @property
    def title_in_cell(self) -> str:
        """The title where a column tells the position and a row the layer: ``f12`` of ``m3.f12@7``."""
        if self.text or self.layer is None:
            return self.title_without_position.strip("“”")
        return self.title_without_position.partition(".")[2] or self.title_without_position

    @property
    def is_small(self) -> bool:
        """Whether its box is one of several where another has its name."""
        return self.box is not None and self.box[0] < SMALL_BOX_WIDTH

    @property
    def is_one_line(self) -> bool:
        """Whether name and label stand beside each other, because rows are near to each other."""
        return self.max_height < LABELLED_NODE_HEIGHT

    @property
    def style(self) -> str:
        """How it is drawn, a key of ``node_styles.STYLE_DESCRIPTIONS``."""
        return node_style(self.kind, self.name)

    @property
    def shape(self) -> str:
        """The outline of its box, as ``drawing.BoxShape`` takes it: of its style, or of a cell."""
        return self.style if self.cell is None else "square"


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """An expanded group: its nodes are drawn on a ground of the group's colour."""

    name: str
    colour: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class TokenColumn:
    """A token and the column of the nodes at its position, from ``left`` to ``right`` in scene units.

    Where layers go from left to right, columns lie one below the other, from ``left`` to ``right`` downwards.
    """

    text: str
    left: float
    right: float

    @property
    def label(self) -> str:
        """What is written below the column: the token, its spaces as ``␣`` where it is nothing else."""
        return self.text.strip() or self.text.replace(" ", "␣")

    @property
    def is_of_any_position(self) -> bool:
        """Whether its nodes stand at no position, so that no token is below them."""
        return self.text == ANY_POSITION


@dataclass(frozen=True, slots=True)
class LayerRow:
    """Where a layer stands.

    Attributes:
        layer: its number.
        place: the mean place of its heads and features along the layers, else of its MLP, in scene units:
            upwards, or to the right.
        has_heads: whether it has other nodes than its MLP.
    """

    layer: int
    place: float
    has_heads: bool


@dataclass(frozen=True)
class CircuitScene:
    """All nodes and edges that are drawn.

    Attributes:
        nodes: in the order in which they are painted.
        edges: the weakest first; their ends are rows of ``nodes``.
        n_circuit_edges: how many edges the circuit has, drawn or not.
        sides: the names of two compared circuits, else empty.
        folding: which nodes are in which box, where groups are collapsed.
        frames: the expanded groups, the largest first.
        columns: the token columns of a layout by position, else empty.
        sign: what the sign of a score means, a key of ``view_filters.SIGN_MEANINGS``.
        user_positioned: names of the nodes that a person has moved.
        cells: where all heads and MLPs of the model stand, drawn or not, in a layout that is a grid of
            them; else empty.
        is_horizontal: whether layers go from left to right; otherwise upwards.
        has_edges_on_demand: whether only the edges of nodes that are selected or pointed at are drawn.
    """

    nodes: tuple[DrawnNode, ...] = ()
    edges: EdgeArrays = field(default_factory=EdgeArrays.empty)
    n_circuit_edges: int = 0
    sides: tuple[str, ...] = ()
    folding: FoldedCircuit | None = None
    frames: tuple[GroupFrame, ...] = ()
    columns: tuple[TokenColumn, ...] = ()
    sign: str = "helps"
    user_positioned: frozenset[str] = frozenset()
    cells: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    is_horizontal: bool = False
    has_edges_on_demand: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, DrawnNode]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def lowest_middle(self) -> float:
        """Y of the middle of the lowest node, in scene units downwards; asked for with every frame."""
        return max(-node.y for node in self.nodes)

    @cached_property
    def node_rows(self) -> dict[str, int]:
        """The row of each node by name."""
        return {node.name: row for row, node in enumerate(self.nodes)}

    @cached_property
    def importance(self) -> FloatArray:
        """The sum of |score| of the edges at each node, as a share of the greatest [nodes].

        Input and logits, at which most edges end, have 1 and do not count.
        """
        size, edges = np.abs(self.edges.score) * ~self.edges.ablated, self.edges
        total = np.bincount(edges.sender, size, len(self.nodes))
        total += np.bincount(edges.receiver, size, len(self.nodes))
        is_end = np.array([node.layer is None and not node.members for node in self.nodes], bool)
        greatest = float(total[~is_end].max(initial=0.0)) or 1.0
        return np.where(is_end, 1.0, total / greatest)

    @property
    def edge_rows(self) -> EdgeRows:
        """The rows of each edge by name: one into a shared key-value receiver has a row for each head."""
        return self.edges.rows_by_name

    @cached_property
    def layer_rows(self) -> tuple[LayerRow, ...]:
        """Where the layers stand that nodes or cells belong to, without nodes that a person moved."""
        if self.cells:
            found = {name[1:].partition(".")[0]: at for name, at in self.cells.items()}
            places = ((int(layer), x if self.is_horizontal else y) for layer, (x, y) in found.items())
            return tuple(LayerRow(layer, place, True) for layer, place in sorted(places))
        heights: dict[int, dict[bool, list[float]]] = {}
        for node in self.nodes:
            if node.layer is not None and node.name not in self.user_positioned:
                by_kind = heights.setdefault(node.layer, {})
                by_kind.setdefault(node.kind is not NodeKind.MLP, []).append(
                    node.x if self.is_horizontal else node.y
                )
        rows = []
        for layer, by_kind in sorted(heights.items()):
            ys = by_kind.get(True) or by_kind[False]
            rows.append(LayerRow(layer, sum(ys) / len(ys), True in by_kind))
        return tuple(rows)

    @cached_property
    def legend_styles(self) -> tuple[str, ...]:
        """The styles of nodes that a legend must explain; none in a circuit of heads and MLPs alone."""
        drawn = {node.style for node in self.nodes if not node.members}
        return tuple(s for s in STYLE_DESCRIPTIONS if s in drawn) if drawn - COMPONENT_STYLES else ()

    def neighbourhood(self, nodes: Set[str], edges: Set[str]) -> tuple[IndexArray, IndexArray]:
        """Rows of the edges that are named or touch the named nodes, and of all nodes at their ends."""
        is_near = np.zeros(len(self.nodes), bool)
        is_near[[self.node_rows[name] for name in nodes if name in self.node_rows]] = True
        is_chosen = is_near[self.edges.sender] | is_near[self.edges.receiver]
        is_chosen[[row for name in edges for row in self.edge_rows.get(name, ())]] = True
        is_near[self.edges.sender[is_chosen]] = True
        is_near[self.edges.receiver[is_chosen]] = True
        return np.flatnonzero(is_chosen), np.flatnonzero(is_near)

    def with_positions(self, positions: Mapping[str, tuple[float, float]]) -> CircuitScene:
        """The same scene with some nodes elsewhere."""
        return replace(
            self,
            nodes=tuple(
                replace(n, x=positions[n.name][0], y=positions[n.name][1]) if n.name in positions else n
                for n in self.nodes
            ),
        )
