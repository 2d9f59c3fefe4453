"""The legend is made from what was drawn, so that it never explains too much or too little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from circuitviz.document.view_filters import SIGN_MEANINGS
from circuitviz.scene.node_styles import COMPONENT_STYLES
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS as KINDS
from circuitviz.shapes.drawing import BoxShape, CurveShape, Drawing, DrawingShape, TextShape
from circuitviz.shapes.figure_style import ROLE_DESCRIPTIONS, FigureStyle
from circuitviz.shapes.text_metrics import elide_text, text_width

WIDTH_KEY_SHARES = (1.0, 0.5, 0.1)
SampleShapes = Callable[[float, float], list[DrawingShape]]  # from left and middle to the sample's shapes


def draw_figure_legend(
    drawing: Drawing, ink: FigureStyle, y: float, size: float, strongest: float, sign: str = "helps"
) -> float:
    """Draw every kind of box and edge that was drawn, in lines from ``y``; returns the height used.

    ``sign``: what is known of the scores, a key of ``sight.SIGN_MEANINGS``. ``strongest`` is the |score| of
    the widest edge: the key tells what widths mean. Where there are no scores it is the number of edges
    that the widest arrow stands for; where that is one, all widths are alike and need no key.
    """
    scored = sign != "none"
    long, plain_width = 2.6 * size, 1.2 * ink.line_scale
    entries = [
        (text, _box_sample(box, long, size))
        for text, box in sorted(ink.boxes_by_text.items(), key=_entry_order)
    ]
    for role, curve in sorted(
        ink.curves_by_role.items(), key=lambda item: list(ROLE_DESCRIPTIONS).index(item[0])
    ):
        plain = replace(curve, width=plain_width, opacity=1.0, dash="")
        meant = "attribution" if role == "direct" and _shows_features(ink) else ROLE_DESCRIPTIONS[role]
        entries.append((meant, _line_sample(plain, long)))
    some = next(iter(ink.curves_by_role.values()), None)
    if some is not None:
        look = replace(some, opacity=1.0, dash="", width=plain_width)
        if ink.has_dashed:
            negative = SIGN_MEANINGS[sign][1] if sign == "file" else "negative score"
            entries.append((negative, _line_sample(replace(look, dash="dashed"), long)))
        for share in WIDTH_KEY_SHARES if scored or strongest > 1 else ():
            sample = _line_sample(replace(look, width=ink.line_width_pt(share)), long)
            number = f"|score| {strongest * share:.2g}" if scored else _edge_count_text(strongest * share)
            entries.append((number, sample))
    if ink.has_ablated:
        box = next(iter(ink.boxes_by_text.values()))
        entries.append(("ablated", _box_sample(replace(box, dashed=True), long, size)))
    return _lay_out_entries(drawing, ink, entries, y, size, long)


def _shows_features(ink: FigureStyle) -> bool:
    """Whether nodes of a prompt are drawn, and not heads and MLPs alone."""
    return ink.is_of_features or any(
        text in ink.boxes_by_text for look, text in KINDS.items() if look not in COMPONENT_STYLES
    )


def _edge_count_text(number: float) -> str:
    return f"{number:,.0f} edge{'' if round(number) == 1 else 's'}"


def _entry_order(item: tuple[str, BoxShape]) -> tuple[bool, str]:
    return item[0] in KINDS.values(), item[0]


def _lay_out_entries(
    drawing: Drawing,
    ink: FigureStyle,
    entries: list[tuple[str, SampleShapes]],
    y: float,
    size: float,
    long: float,
) -> float:
    """Entries in columns as wide as the widest, as many as the page holds."""
    room = drawing.width - long - 1.2 * size
    texts = [elide_text(text, drawing.font, size, room) for text, _ in entries]
    column = max(text_width(text, drawing.font, size) for text in texts) + long + 2.2 * size
    columns = max(1, min(len(entries), int((drawing.width + 1.6 * size) / column)))
    lines = -(-len(entries) // columns)
    for i, (text, (_, sample)) in enumerate(zip(texts, entries, strict=True)):
        x, middle = (i // lines) * column, y + (i % lines + 0.5) * 1.5 * size
        drawing.legend += sample(x, middle)
        drawing.legend.append(
            TextShape(x + long + 0.6 * size, middle + 0.35 * size, text, size, ink.theme.text)
        )
    return lines * 1.5 * size


def _box_sample(box: BoxShape, long: float, size: float) -> SampleShapes:
    def sample(x: float, middle: float) -> list[DrawingShape]:
        return [replace(box, x=x + 0.6, y=middle - 0.5 * size, width=long - 0.6, height=size)]

    return sample


def _line_sample(curve: CurveShape, long: float) -> SampleShapes:
    def sample(x: float, middle: float) -> list[DrawingShape]:
        third = long / 3
        points = tuple((x + third * i, middle) for i in range(4))
        return [replace(curve, points=points)]

    return sample
