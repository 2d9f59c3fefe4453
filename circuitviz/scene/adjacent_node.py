"""Walking a circuit by keyboard: along the strongest edge up or down, to the neighbour in a row."""

from __future__ import annotations

from circuitviz.scene.circuit_scene import CircuitScene


def adjacent_node(picture: CircuitScene, name: str, direction: str) -> str:
    """The node to go to from a node; from nowhere, the logits; empty where there is none."""
    here = picture.by_name.get(name)
    if here is None:
        return picture.nodes[-1].name if picture.nodes else ""
    if direction in ("up", "down"):
        edges = [e for e in picture.edges if (e.sender if direction == "up" else e.receiver) == name]
        if not edges:
            return ""
        strongest = max(edges, key=lambda e: e.strength)
        return strongest.receiver if direction == "up" else strongest.sender
    sign = 1 if direction == "right" else -1
    row = [n for n in picture.nodes if abs(n.y - here.y) < 1 and (n.x - here.x) * sign > 0]
    return min(row, key=lambda n: abs(n.x - here.x)).name if row else ""
