"""A picture's nodes at the distances that suit a view; what a person placed stays in the layout's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QSizeF

from circuitviz.canvas.framing import CROWD_OF_COMPONENTS, READABLE
from circuitviz.canvas.inscription import inscribed
from circuitviz.canvas.paint import LABELLED, LEGIBLE, WIDTHS
from circuitviz.canvas.picture import CircuitPicture, DrawnNode
from circuitviz.graph import Kind
from circuitviz.layout import COLUMN
from circuitviz.layout.spread import GAP_X, Size, Spread, spread_to


class Spreading:
    """Keeps what is shown in the layout's units, and how it is spread.

    ``held``: a person has moved nodes; all stay where they are until another layout is shown. The picture
    that was shown first in a layout decides on its spread: what is filtered away later moves nothing.
    """

    def __init__(self) -> None:
        self._layout = self._first = CircuitPicture()
        self.spread, self.held = Spread(), False

    def take(self, picture: CircuitPicture, view: QSizeF, anew: bool) -> CircuitPicture:
        """Another picture, spread: as the one before, where it is laid out as that one was."""
        if anew or not is_laid_out_in(self._first, picture):
            self._first, self.spread, self.held = picture, spread_of(picture, view), False
        self._layout = picture
        return spread_picture(picture, self.spread)

    def renew(self, view: QSizeF) -> CircuitPicture | None:
        """The picture spread to a view of another size; None where that changes nothing."""
        spread = self.spread if self.held else spread_of(self._first, view)
        if spread == self.spread:
            return None
        self.spread = spread
        return spread_picture(self._layout, spread)

    def place_back(self, places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        """Places to which a person moved nodes, in the layout's units."""
        self.held = True
        return {name: self.spread.place_back(at) for name, at in places.items()}


def spread_of(picture: CircuitPicture, view: QSizeF) -> Spread:
    """How a picture in the layout's units is spread to a view of so many pixels.

    What stands in columns of tokens stays as it is, and so do crowds of which nothing can be read at once.
    """
    if picture.columns or view.isEmpty() or not 0 < len(picture.nodes) <= CROWD_OF_COMPONENTS:
        return Spread()
    free = [node for node in picture.nodes if node.name not in picture.placed]
    places = {node.name: (node.x, node.y) for node in free}
    aside = {node.name for node in free if node.kind is Kind.MLP}
    sizes = {node.name: _size(node) for node in free}
    return spread_to(places, sizes, aside, (view.width(), view.height()), LEGIBLE, READABLE)


def spread_picture(picture: CircuitPicture, spread: Spread) -> CircuitPicture:
    """The picture in the view's places; labels get the room that there is between two columns."""
    if spread == Spread():
        return picture
    room = spread.across * COLUMN - GAP_X
    nodes = []
    for node in picture.nodes:
        x, y = spread.place((node.x, node.y))
        nodes.append(replace(node, x=x, y=y, room=room))
    return picture.with_nodes(tuple(nodes))


def is_laid_out_in(whole: CircuitPicture, part: CircuitPicture) -> bool:
    """Whether all nodes of a picture stand where they stand in another, but for what was moved by hand."""
    if not whole.by_name.keys() >= part.by_name.keys() or bool(whole.columns) != bool(part.columns):
        return False
    placed = whole.placed | part.placed
    pairs = ((node, whole.by_name[node.name]) for node in part.nodes if node.name not in placed)
    return all((a.x, a.y) == (b.x, b.y) and len(a.members) == len(b.members) for a, b in pairs)


def _size(node: DrawnNode) -> Size:
    """Its box, with room for a label whether it has one or not: a first label moves nothing."""
    if node.members:
        size = inscribed(node.title, node.members)
        return size.width, size.height
    return WIDTHS[node.kind], LABELLED
