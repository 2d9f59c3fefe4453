"""How each kind of node looks: one table for the canvas, every figure, and both legends."""

from __future__ import annotations

from circuitviz.canvas.theme import Theme, mixed
from circuitviz.graph import Kind

Point = tuple[float, float]

MEANINGS = {
    "head": "attention head",
    "feature-a": "attention feature",
    "mlp": "MLP",
    "feature-m": "MLP feature",
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

PLAIN = {"head", "mlp", "end"}  # what circuits of heads are made of
_LOOKS = {Kind.HEAD: "head", Kind.MLP: "mlp", Kind.INPUT: "end", Kind.LOGITS: "end"}


def look_of(kind: Kind, name: str) -> str:
    """The look of a node, a key of ``MEANINGS``.

    >>> look_of(Kind.FEATURE, "m3.f12@7"), look_of(Kind.MLP, "m3"), look_of(Kind.MLP, "m3@7")
    ('feature-m', 'mlp', 'bare')
    """
    if kind is Kind.FEATURE:
        return f"feature-{'a' if name[:1] == 'a' else 'm'}"
    if "@" in name and kind in (Kind.MLP, Kind.LOGITS):
        return "bare" if kind is Kind.MLP else "logit"
    return _LOOKS.get(kind, kind.value)


def look_colours(look: str, theme: Theme) -> tuple[str, str]:
    """Fill and outline: what attention writes is blue, what MLPs write green, errors are a warning."""
    if look in ("head", "feature-a"):
        return theme.head, theme.head_line
    if look == "bare":
        return theme.ground, theme.mlp_line
    if look in ("mlp", "feature-m", "neuron", "skip"):
        return theme.mlp, theme.mlp_line
    if look == "error":
        return mixed(theme.warning, theme.ground, 0.14), theme.warning
    return theme.end, theme.end_line


def corners(look: str, left: float, top: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of a look that is a polygon, y downwards; none where it is a box with round corners."""
    right, bottom, middle, cut = left + width, top + height, top + height / 2, 0.34 * height
    if look == "error":  # an octagon
        return (
            *((left + cut, top), (right - cut, top), (right, top + cut), (right, bottom - cut)),
            *((right - cut, bottom), (left + cut, bottom), (left, bottom - cut), (left, top + cut)),
        )
    if look == "position":  # leaning
        return (left + cut, top), (right, top), (right - cut, bottom), (left, bottom)
    if look == "bias":  # narrower above
        return (left + cut, top), (right - cut, top), (right, bottom), (left, bottom)
    if look == "skip":  # with a notch below and a point above
        half = left + width / 2
        return (
            *((half, top), (right, top + 0.6 * cut), (right, bottom), (half, bottom - 0.6 * cut)),
            *((left, bottom), (left, top + 0.6 * cut)),
        )
    if look in ("mlp", "bare", "neuron"):  # a hexagon; a neuron's is more pointed
        cut = height / 2 if look == "neuron" else min(11.0, height / 2.6)
        return (
            *((left, middle), (left + cut, top), (right - cut, top)),
            *((right, middle), (right - cut, bottom), (left + cut, bottom)),
        )
    return ()


def roundness(look: str, height: float) -> float:
    """The radius of the corners of a look that is no polygon."""
    if look == "token":
        return 2.0
    return min(7.0, 0.3 * height) if look == "head" else height / 2
