"""What is to be drawn, as one value: any thread draws it, so that a large circuit keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuitviz.canvas.both import picture_of_both
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.note import note_of
from circuitviz.canvas.picture import CircuitPicture, picture_of
from circuitviz.session import State

MUCH = 600  # nodes, and a fortieth of the edges: so many are laid out in a frame


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture, measured, with the line below it."""

    picture: CircuitPicture
    geometry: Geometry
    note: str


@dataclass(frozen=True, eq=False)
class Sketch:
    """A state and how to draw it.

    opacity: of edges by name, as ``picture_of`` takes it. beside: another state that is drawn with it, and
    the names of both. searching: whether the circuit may still grow.
    """

    state: State
    layout: str
    opacity: Mapping[str, float] | None = None
    beside: tuple[State, tuple[str, str]] | None = None
    searching: bool = False

    @property
    def is_much(self) -> bool:
        """Whether drawing it anew takes longer than a frame."""
        return sum(map(_weight, self._states)) > MUCH

    def is_laid_out_as(self, other: Sketch | None) -> bool:
        """Whether all that takes long was done for another one: places and edges are the same."""
        return other is not None and self._rests_on() == other._rests_on()

    def draw(self) -> Drawn:
        """Draw it; nothing of Qt's window is touched."""
        state, other = self.state, self.beside
        if other is None:
            picture = picture_of(state, self.layout, opacity=self.opacity)
        else:
            picture = picture_of_both(state, other[0], other[1], self.layout)
        note = note_of(state, picture, other[1][1] if other else "", self.searching)
        return Drawn(picture, Geometry.of(picture).prepared(), note)

    @property
    def _states(self) -> tuple[State, ...]:
        return (self.state,) if self.beside is None else (self.state, self.beside[0])

    def _rests_on(self) -> tuple[object, ...]:
        """Values that are kept from state to state are told apart by who they are: comparing takes long."""
        opacity = None if self.opacity is None else id(self.opacity)
        found: list[object] = [self.layout, opacity]
        for state in self._states:
            found += [id(state.circuit), id(state.scores), state.positions, state.groups]
        if self.beside is not None:  # what is ablated is left out of both
            found += [(state.ablated_nodes, state.ablated_edges) for state in self._states]
        return tuple(found)


def _weight(state: State) -> float:
    circuit = state.circuit
    return 0.0 if circuit is None else circuit.n_nodes + circuit.n_edges / 40
