"""How each kind of node looks: one table for the canvas, every figure, and both legends."""

from __future__ import annotations

from circuitviz.graph import NodeKind
from circuitviz.graph.names import split_span
from circuitviz.scene.theme import Theme, blend_hex

Point = tuple[float, float]

STYLE_DESCRIPTIONS = {
    "head": "attention head",
    "feature-a": "attention feature",
    "mlp": "MLP",
    "feature-m": "MLP feature",
    "feature-r": "residual stream feature",
    "neuron": "neuron",
    "skip": "skip connection",
    "bare": "MLP leaf, no transcoder",
    "error": "reconstruction error",
    "token": "token",
    "position": "position",
    "bias": "bias",
    "logit": "what is explained",
    "end": "input, logits",
}
"""Looks, in the order of legends, and what each stands for."""

COMPONENT_STYLES = {"head", "mlp", "end"}  # what circuits of heads are made of
_STYLE_OF_KIND = {NodeKind.HEAD: "head", NodeKind.MLP: "mlp", NodeKind.INPUT: "end", NodeKind.LOGITS: "end"}


def node_style(kind: NodeKind, name: str) -> str:
    """The look of a node, a key of ``STYLE_DESCRIPTIONS``.

    >>> node_style(NodeKind.FEATURE, "m3.f12@7"), node_style(NodeKind.FEATURE, "r3.f12")
    ('feature-m', 'feature-r')
    >>> node_style(NodeKind.MLP, "m3"), node_style(NodeKind.MLP, "m3@7"), node_style(NodeKind.MLP, "m3@END")
    ('mlp', 'bare', 'mlp')
    """
    if kind is NodeKind.FEATURE:
        return f"feature-{name[0] if name[:1] in ('a', 'r') else 'm'}"
    if "@" in name and kind in (NodeKind.MLP, NodeKind.LOGITS) and not split_span(name)[1]:
        return "bare" if kind is NodeKind.MLP else "logit"
    return _STYLE_OF_KIND.get(kind, kind.value)


def style_colours(style: str, theme: Theme) -> tuple[str, str]:
    """Fill and outline: attention is blue, MLPs green, the stream between; errors are a warning."""
    if style in ("head", "feature-a"):
        return theme.head, theme.head_line
    if style == "bare":
        return theme.ground, theme.mlp_line
    if style in ("mlp", "feature-m", "neuron", "skip"):
        return theme.mlp, theme.mlp_line
    if style == "feature-r":
        return blend_hex(theme.head, theme.mlp, 0.5), blend_hex(theme.head_line, theme.mlp_line, 0.5)
    if style == "error":
        return blend_hex(theme.warning, theme.ground, 0.14), theme.warning
    return theme.end, theme.end_line


def style_corners(style: str, left: float, top: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of a look that is a polygon, y downwards; none where it is a box with round corners."""
    right, bottom, middle, cut = left + width, top + height, top + height / 2, 0.34 * height
    if style == "error":  # an octagon
        return (
            *((left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut)),
            *((right - cut, bottom), (left + cut, bottom), (left, bottom - cut), (left, top + cut)),
        )
    if style == "position":  # leaning
        return (left + cut, top), (right, top), (right - cut, bottom), (left, bottom)
    if style == "bias":  # narrower above
        return (left + cut, top), (right - cut, top), (right, bottom), (left, bottom)
    if style == "skip":  # with a notch below and a point above
        half = left + width / 2
        return (
            *((half, top), (right, top + 0.6 * cut), (right, bottom), (half, bottom - 0.6 * cut)),
            *((left, bottom), (left, top + 0.6 * cut)),
        )
    if style in ("mlp", "bare", "neuron"):  # a hexagon; a neuron's is more pointed
        cut = height / 2 if style == "neuron" else 0.32 * height
        return (
            *((left, middle), (left + cut, top), (right - cut, top)),
            *((right, middle), (right - cut, bottom), (left + cut, bottom)),
        )
    return ()


def corner_radius(style: str, height: float, unit: float = 1.0) -> float:
    """The radius of the corners of a style that is no polygon; ``unit``: the length of a scene unit."""
    radius = {"head": 7.0, "token": 2.0, "frame": 12.0}.get(style)
    return height / 2 if radius is None else min(radius * unit, 0.3 * height)
