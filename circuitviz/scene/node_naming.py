"""What is written in the boxes of nodes: their names, labels or classes, or the token that they promote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode

BY_NAME, BY_LABEL, BY_CLASS, BY_TOKEN = NAMINGS = ("name", "label", "class", "token")
"""By what nodes are named. A node without a label, class or token keeps its name."""

TopTokens = Mapping[str, Sequence[tuple[str, float]]]
"""Tokens that nodes promote, with their logits, by node."""

MAX_FEATURE_TOKENS = 3  # below the name of a feature


def name_nodes(scene: CircuitScene, naming: str, top_tokens: TopTokens) -> CircuitScene:
    """The scene with its nodes named in another way.

    Whatever the naming, a feature without a label says which tokens it promotes, where that is known.

    Args:
        scene: what is drawn.
        naming: one of ``NAMINGS``.
        top_tokens: tokens that nodes promote.
    """
    frames = {name: frame.name for frame in reversed(scene.frames) for name in frame.nodes}
    nodes = tuple(_name_node(node, naming, top_tokens.get(node.name, ()), frames) for node in scene.nodes)
    return (
        scene if all(a is b for a, b in zip(nodes, scene.nodes, strict=True)) else replace(scene, nodes=nodes)
    )


def quote_token(token: str) -> str:
    """A token in quotes, its spaces visible.

    >>> quote_token(" Mary")
    '“·Mary”'
    """
    return f"“{token.replace(' ', '·')}”"


def _name_node(
    node: DrawnNode, naming: str, tokens: Sequence[tuple[str, float]], frames: Mapping[str, str]
) -> DrawnNode:
    if node.members:
        return node
    if naming == BY_LABEL and node.label:
        return replace(node, text=node.label, label="")
    class_name = node.class_name or frames.get(node.name, "")
    if naming == BY_CLASS and class_name:
        return replace(node, text=class_name, label="" if node.label == class_name else node.label)
    if naming == BY_TOKEN and tokens and not node.text:
        return replace(node, text=quote_token(tokens[0][0]))
    if node.kind.has_activation and tokens and not node.label:
        return replace(node, label=" ".join(quote_token(token) for token, _ in tokens[:MAX_FEATURE_TOKENS]))
    return node
