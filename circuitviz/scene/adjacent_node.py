"""Walking a circuit by keyboard: along the strongest edge, to the neighbour in a layer."""

from __future__ import annotations

from circuitviz.scene.circuit_scene import CircuitScene

FORWARDS, BACKWARDS, BEFORE, BEHIND = "forwards", "backwards", "before", "behind"
_DIRECTIONS = {"up": FORWARDS, "down": BACKWARDS, "left": BEFORE, "right": BEHIND}
_DIRECTIONS_TO_THE_RIGHT = {"right": FORWARDS, "left": BACKWARDS, "up": BEFORE, "down": BEHIND}


def adjacent_node(picture: CircuitScene, name: str, direction: str) -> str:
    """The node to go to from a node; from nowhere, the logits; empty where there is none.

    Args:
        picture: what is drawn.
        name: of the node where one is; empty for nowhere.
        direction: ``up``, ``down``, ``left`` or ``right`` on the canvas.
    """
    here = picture.by_name.get(name)
    if here is None:
        return picture.nodes[-1].name if picture.nodes else ""
    way = (_DIRECTIONS_TO_THE_RIGHT if picture.is_horizontal else _DIRECTIONS)[direction]
    if way in (FORWARDS, BACKWARDS):
        edges = [e for e in picture.edges if (e.sender if way == FORWARDS else e.receiver) == name]
        if not edges:
            return ""
        strongest = max(edges, key=lambda e: e.strength)
        return strongest.receiver if way == FORWARDS else strongest.sender
    places = {n.name: (-n.y, n.x) if picture.is_horizontal else (n.x, n.y) for n in picture.nodes}
    across, along = places[name]
    sign = 1 if way == BEHIND else -1
    row = [n for n, (x, y) in places.items() if abs(y - along) < 1 and (x - across) * sign > 0]
    return min(row, key=lambda n: abs(places[n][0] - across)) if row else ""
