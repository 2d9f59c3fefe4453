"""Marks behind the names of classes whose colour another class has, too."""

from __future__ import annotations

from dataclasses import replace

from circuitviz.document import State
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.class_colours import class_titles


def mark_repeated_colours(scene: CircuitScene, state: State) -> CircuitScene:
    """A scene in which nodes and legend tell classes of one colour apart; itself where no colour repeats."""
    titles = {name: title for name, title in class_titles(state).items() if title != name}
    if not titles:
        return scene
    return replace(scene, nodes=tuple(_mark_node(node, titles) for node in scene.nodes))


def _mark_node(node: DrawnNode, titles: dict[str, str]) -> DrawnNode:
    title = titles.get(node.class_name)
    if title is None:
        return node
    if node.members:  # a box is called by its class
        return replace(node, class_name=title)
    mark = title.removeprefix(node.class_name)
    first, *rest = node.label.split(" · ") if node.label else [""]
    label = " · ".join([f"{first}{mark}", *rest]) if node.label else mark.strip()
    return replace(node, class_name=title, label=label)
