"""What is to be drawn, as one value: any thread draws it, so that a large circuit keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from circuitviz.canvas.scene_fitting import FittedScene, SceneFitting
from circuitviz.document import State
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.comparison_scene import build_comparison_scene
from circuitviz.scene.node_naming import BY_NAME, TopTokens, name_nodes
from circuitviz.scene.status_text import status_text

STABLE_LAYOUT = "grid"
MAX_SYNCHRONOUS_COST = 600  # nodes, and a fortieth of the edges: so many are laid out in a frame


@dataclass(frozen=True, eq=False)
class BuiltScene:
    """A picture with the line below it, made ready for the view where that was told."""

    scene: CircuitScene
    status_text: str
    fitted: FittedScene | None = None


@dataclass(frozen=True, eq=False)
class SceneRequest:
    """A state and how to draw it.

    Attributes:
        state: What the document shows.
        layout: The layout that the person chose.
        opacity: Of edges by name, as ``build_scene`` takes it.
        comparison: Another state that is drawn with it, and the names of both.
        is_searching: Whether the circuit may still grow.
        is_horizontal: Whether layers go from left to right.
        naming: By what nodes are named, one of ``NAMINGS``.
        top_tokens: Tokens that nodes promote, by node.
        fitting: The view that it is drawn for.
    """

    state: State
    layout: str
    opacity: Mapping[str, float] | None = None
    comparison: tuple[State, tuple[str, str]] | None = None
    is_searching: bool = False
    is_horizontal: bool = False
    naming: str = BY_NAME
    top_tokens: TopTokens = field(default_factory=dict)
    fitting: SceneFitting | None = None

    @property
    def used_layout(self) -> str:
        """The layout that is drawn: while a search refines, one in which a node has one place for good."""
        circuit = self.state.circuit
        can_wait = circuit is not None and not circuit.graph.is_of_prompt and self.comparison is None
        return STABLE_LAYOUT if self.is_searching and can_wait else self.layout

    def is_of_same_circuit_as(self, other: SceneRequest) -> bool:
        """Whether another one shows what was found by the same search in the same layout."""
        ours, theirs = self.state.circuit, other.state.circuit
        if ours is None or theirs is None:
            return ours is theirs
        is_refined = self.is_searching and other.is_searching
        if self.state.is_prompt_circuit and self.state.subject == other.state.subject:
            return self.layout == other.layout  # another threshold is another graph of the same prompt
        is_same_search = self.state.scores is other.state.scores or is_refined
        if is_another_basis(self.state, other.state):
            return (self.used_layout, self.is_horizontal) == (other.used_layout, other.is_horizontal)
        drawn = [(request.used_layout, request.is_horizontal) for request in (self, other)]
        return is_same_search and ours.graph.same_as(theirs.graph) and drawn[0] == drawn[1]

    @property
    def is_expensive(self) -> bool:
        """Whether drawing it anew takes longer than a frame."""
        return sum(map(_build_cost, self._states)) > MAX_SYNCHRONOUS_COST

    def has_same_layout_as(self, other: SceneRequest | None) -> bool:
        """Whether all that takes long was done for another one: places and edges are the same."""
        return other is not None and self._layout_inputs() == other._layout_inputs()

    def build(self) -> BuiltScene:
        """Draw it; nothing of Qt's window is touched."""
        state, other = self.state, self.comparison
        if other is None:
            picture = build_scene(state, self.used_layout, opacity=self.opacity)
            if self.used_layout != self.layout:  # the person did not ask for edges on demand
                picture = replace(picture, has_edges_on_demand=False)
        else:
            picture = build_comparison_scene(state, other[0], other[1], self.layout)
        picture = replace(picture, is_horizontal=self.is_horizontal)
        picture = name_nodes(picture, self.naming, self.top_tokens)
        note = status_text(state, picture, other[1][1] if other else "", self.is_searching)
        return BuiltScene(picture, note, None if self.fitting is None else self.fitting.fit(picture))

    @property
    def _states(self) -> tuple[State, ...]:
        return (self.state,) if self.comparison is None else (self.state, self.comparison[0])

    def _layout_inputs(self) -> tuple[object, ...]:
        """Values that are kept from state to state are told apart by who they are: comparing takes long."""
        opacity = None if self.opacity is None else id(self.opacity)
        found: list[object] = [self.layout, self.used_layout, self.is_horizontal, opacity]
        for state in self._states:
            found += [id(state.circuit), id(state.scores), state.positions, state.groups]
        if self.comparison is not None:  # what is ablated is left out of both
            found += [(state.ablated_nodes, state.ablated_edges) for state in self._states]
        return tuple(found)


def is_another_basis(one: State, other: State) -> bool:
    """Whether two states show the circuit of one task with other sites opened into features."""
    if one.circuit is None or other.circuit is None or one.subject is None or one.subject != other.subject:
        return False
    return set(feature_sites(one.circuit.graph)) != set(feature_sites(other.circuit.graph))


def _build_cost(state: State) -> float:
    circuit = state.circuit
    return 0.0 if circuit is None else circuit.n_nodes + circuit.n_edges / 40
