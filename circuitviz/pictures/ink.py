"""Which colour, dash and width means what: views draw with it, the legend explains from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuitviz.canvas.kinds import MEANINGS as KINDS
from circuitviz.canvas.kinds import look_colours
from circuitviz.canvas.picture import DrawnEdge
from circuitviz.canvas.theme import Theme, mixed
from circuitviz.pictures.drawing import Box, Curve, Point
from circuitviz.session import State
from circuitviz.session.groups import APART

CHANNELS = {"q": "query", "k": "key", "v": "value", "": "direct"}
MEANINGS = {
    "query": "query input (q)",
    "key": "key input (k)",
    "value": "value input (v)",
    "direct": "MLP input or logits",
}
SHAPES = {"head": "round", "mlp": "square", "token": "square"} | dict.fromkeys(
    ("feature-a", "feature-m", "logit", "end"), "pill"
)
THINNEST, WIDEST = 0.35, 2.4


@dataclass
class Ink:
    """Makes boxes and curves of one look, and remembers what it has made for the legend."""

    theme: Theme
    transparent: bool
    labels: dict[str, str]
    size: float = 7.0
    boxes: dict[str, Box] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    dashed: bool = False
    ablated: bool = False
    of_features: bool = False

    @property
    def ground(self) -> str:
        """What lies behind everything; white for paper."""
        return self.theme.ground if self.theme.dark else "#ffffff"

    @property
    def scale(self) -> float:
        """Lines grow with text: what fits a paper's 7 points is too fine on a poster."""
        return max(1.0, self.size / 8)

    def width_of(self, strength: float) -> float:
        """Width in points of an edge with a share of the strongest one's score."""
        share = min(1.0, max(0.0, strength))
        return round((THINNEST + (WIDEST - THINNEST) * share) * self.scale, 2)

    def box(
        self, kind: str, at: tuple[float, float, float, float], label: str = "", ablated: bool = False
    ) -> Box:
        """A node's or a class's box at (x, y, width, height), in its label's colour where it has one.

        kind: a look of ``canvas.kinds``.
        """
        if label:
            line = self.labels[label]
            fill, role, text = mixed(line, self.ground, 0.16), f"class {_place(self.labels, label)}", label
        else:
            fill, line = look_colours(kind, self.theme)
            fill = self.ground if fill == self.theme.ground else fill
            role, text = kind, KINDS[kind]
        shape = SHAPES.get(kind, kind)
        made = Box(role, *at, fill, line, round(0.7 * self.scale, 2), shape, ablated)
        self.boxes.setdefault(text, made)
        self.ablated = self.ablated or ablated
        return made

    def curve(
        self, channel: str, points: tuple[Point, ...], strength: float, negative: bool, ablated: bool = False
    ) -> Curve:
        """An edge: width and opacity grow with ``strength`` (0 to 1)."""
        role = CHANNELS[channel]
        colour = {
            "query": self.theme.query,
            "key": self.theme.key,
            "value": self.theme.value,
            "direct": self.theme.positive,
        }[role]
        dash = "dotted" if ablated else "dashed" if negative else ""
        opacity = 0.35 if ablated else round(0.4 + 0.6 * strength, 2)
        made = Curve(role, points, colour, self.width_of(strength), opacity, dash, arrow=True)
        self.curves.setdefault(role, made)
        self.dashed = self.dashed or (negative and not ablated)
        self.ablated = self.ablated or ablated
        return made


def colours_of(state: State) -> dict[str, str]:
    """A colour for each label and group: the person's own where no other has it, else one told apart."""
    said = {t.removeprefix("class:"): x for t, x in state.labels.items() if t.startswith("class:")}
    chosen = {
        text: (said[text].colour if text in said else "").lower() or state.labels[nodes[0]].colour.lower()
        for text, nodes in state.classes.items()
    }
    for name, group in state.classed.items():
        if name in state.groups or name not in chosen:
            chosen[name] = group.colour.lower()
        if label := state.labels.get(f"group:{name}"):
            chosen[name] = (label.colour or chosen.get(name, group.colour)).lower()
    counts = list(chosen.values())
    free = [colour for colour in APART if colour not in counts]
    for text, colour in sorted(chosen.items()):
        if counts.count(colour) > 1:
            chosen[text] = free.pop(0) if free else colour
    return chosen


def drawn(edges: tuple[DrawnEdge, ...]) -> tuple[DrawnEdge, ...]:
    """Edges in the order of painting: the strongest last, so that it lies on top."""
    return tuple(sorted(edges, key=lambda e: (e.strength, e.name, e.node)))


def _place(labels: dict[str, str], label: str) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[sorted(labels).index(label) % 26]
