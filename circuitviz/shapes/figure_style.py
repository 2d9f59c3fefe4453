"""Which colour, dash and width means what: views draw with it, the legend explains from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuitviz.document import State
from circuitviz.document.groups import GROUP_COLOURS
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS as KINDS
from circuitviz.scene.node_styles import style_colours
from circuitviz.scene.theme import Theme, blend_hex
from circuitviz.shapes.drawing import BoxShape, CurveShape, Point

CHANNEL_ROLES = {"q": "query", "k": "key", "v": "value", "": "direct"}
ROLE_DESCRIPTIONS = {
    "query": "query input (q)",
    "key": "key input (k)",
    "value": "value input (v)",
    "direct": "MLP input or logits",
}
BOX_SHAPES = {"head": "round", "mlp": "square", "token": "square"} | dict.fromkeys(
    ("feature-a", "feature-m", "logit", "end"), "pill"
)
MIN_WIDTH_PT, MAX_WIDTH_PT = 0.35, 2.4


@dataclass
class FigureStyle:
    """Makes boxes and curves of one look, and remembers what it has made for the legend."""

    theme: Theme
    transparent: bool
    label_colours: dict[str, str]
    size: float = 7.0
    boxes_by_text: dict[str, BoxShape] = field(default_factory=dict)
    curves_by_role: dict[str, CurveShape] = field(default_factory=dict)
    has_dashed: bool = False
    has_ablated: bool = False
    is_of_features: bool = False

    @property
    def background(self) -> str:
        """What lies behind everything; white for paper."""
        return self.theme.ground if self.theme.is_dark else "#ffffff"

    @property
    def line_scale(self) -> float:
        """Lines grow with text: what fits a paper's 7 points is too fine on a poster."""
        return max(1.0, self.size / 8)

    def line_width_pt(self, strength: float) -> float:
        """Width in points of an edge with a share of the strongest one's score."""
        share = min(1.0, max(0.0, strength))
        return round((MIN_WIDTH_PT + (MAX_WIDTH_PT - MIN_WIDTH_PT) * share) * self.line_scale, 2)

    def make_box(
        self, kind: str, at: tuple[float, float, float, float], label: str = "", ablated: bool = False
    ) -> BoxShape:
        """A node's or a class's box at (x, y, width, height), in its label's colour where it has one.

        kind: a look of ``canvas.kinds``.
        """
        if label:
            line = self.label_colours[label]
            fill, role, text = (
                blend_hex(line, self.background, 0.16),
                f"class {_letter_of_label(self.label_colours, label)}",
                label,
            )
        else:
            fill, line = style_colours(kind, self.theme)
            fill = self.background if fill == self.theme.ground else fill
            role, text = kind, KINDS[kind]
        shape = BOX_SHAPES.get(kind, kind)
        made = BoxShape(role, *at, fill, line, round(0.7 * self.line_scale, 2), shape, ablated)
        self.boxes_by_text.setdefault(text, made)
        self.has_ablated = self.has_ablated or ablated
        return made

    def make_curve(
        self, channel: str, points: tuple[Point, ...], strength: float, negative: bool, ablated: bool = False
    ) -> CurveShape:
        """An edge: width and opacity grow with ``strength`` (0 to 1)."""
        role = CHANNEL_ROLES[channel]
        colour = {
            "query": self.theme.query,
            "key": self.theme.key,
            "value": self.theme.value,
            "direct": self.theme.positive,
        }[role]
        dash = "dotted" if ablated else "dashed" if negative else ""
        opacity = 0.35 if ablated else round(0.4 + 0.6 * strength, 2)
        made = CurveShape(role, points, colour, self.line_width_pt(strength), opacity, dash, arrow=True)
        self.curves_by_role.setdefault(role, made)
        self.has_dashed = self.has_dashed or (negative and not ablated)
        self.has_ablated = self.has_ablated or ablated
        return made


def colours_of_labels(state: State) -> dict[str, str]:
    """A colour for each label and group: the person's own where no other has it, else one told apart."""
    said = {t.removeprefix("class:"): x for t, x in state.labels.items() if t.startswith("class:")}
    chosen = {
        text: (said[text].colour if text in said else "").lower() or state.labels[nodes[0]].colour.lower()
        for text, nodes in state.nodes_by_label.items()
    }
    for name, group in state.groups_with_classes.items():
        if name in state.groups or name not in chosen:
            chosen[name] = group.colour.lower()
        if label := state.labels.get(f"group:{name}"):
            chosen[name] = (label.colour or chosen.get(name, group.colour)).lower()
    counts = list(chosen.values())
    free = [colour for colour in GROUP_COLOURS if colour not in counts]
    for text, colour in sorted(chosen.items()):
        if counts.count(colour) > 1:
            chosen[text] = free.pop(0) if free else colour
    return chosen


def _letter_of_label(labels: dict[str, str], label: str) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[sorted(labels).index(label) % 26]
