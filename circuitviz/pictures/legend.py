"""The legend is made from what was drawn, so that it never explains too much or too little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from circuitviz.canvas.kinds import MEANINGS as KINDS
from circuitviz.canvas.kinds import PLAIN
from circuitviz.pictures.drawing import Box, Curve, Drawing, Shape, Text
from circuitviz.pictures.ink import MEANINGS, Ink
from circuitviz.pictures.measure import cut, width
from circuitviz.session.sight import SIGN_MEANINGS

SHARES = (1.0, 0.5, 0.1)
Sample = Callable[[float, float], list[Shape]]  # from left and middle to the sample's shapes


def draw_legend(
    drawing: Drawing, ink: Ink, y: float, size: float, strongest: float, sign: str = "helps"
) -> float:
    """Draw every kind of box and edge that was drawn, in lines from ``y``; returns the height used.

    ``sign``: what is known of the scores, a key of ``sight.SIGN_MEANINGS``. ``strongest`` is the |score| of
    the widest edge: the key tells what widths mean. Where there are no scores it is the number of edges
    that the widest arrow stands for; where that is one, all widths are alike and need no key.
    """
    scored = sign != "none"
    long, plain_width = 2.6 * size, 1.2 * ink.scale
    entries = [(text, _boxed(box, long, size)) for text, box in sorted(ink.boxes.items(), key=_rank)]
    for role, curve in sorted(ink.curves.items(), key=lambda item: list(MEANINGS).index(item[0])):
        plain = replace(curve, width=plain_width, opacity=1.0, dash="")
        meant = "attribution" if role == "direct" and _of_features(ink) else MEANINGS[role]
        entries.append((meant, _lined(plain, long)))
    some = next(iter(ink.curves.values()), None)
    if some is not None:
        look = replace(some, opacity=1.0, dash="", width=plain_width)
        if ink.dashed:
            negative = SIGN_MEANINGS[sign][1] if sign == "file" else "negative score"
            entries.append((negative, _lined(replace(look, dash="dashed"), long)))
        for share in SHARES if scored or strongest > 1 else ():
            sample = _lined(replace(look, width=ink.width_of(share)), long)
            number = f"|score| {strongest * share:.2g}" if scored else _edges(strongest * share)
            entries.append((number, sample))
    if ink.ablated:
        box = next(iter(ink.boxes.values()))
        entries.append(("ablated", _boxed(replace(box, dashed=True), long, size)))
    return _flow(drawing, ink, entries, y, size, long)


def _of_features(ink: Ink) -> bool:
    """Whether nodes of a prompt are drawn, and not heads and MLPs alone."""
    return ink.of_features or any(text in ink.boxes for look, text in KINDS.items() if look not in PLAIN)


def _edges(number: float) -> str:
    return f"{number:,.0f} edge{'' if round(number) == 1 else 's'}"


def _rank(item: tuple[str, Box]) -> tuple[bool, str]:
    return item[0] in KINDS.values(), item[0]


def _flow(
    drawing: Drawing, ink: Ink, entries: list[tuple[str, Sample]], y: float, size: float, long: float
) -> float:
    """Entries in columns as wide as the widest, as many as the page holds."""
    room = drawing.width - long - 1.2 * size
    texts = [cut(text, drawing.font, size, room) for text, _ in entries]
    column = max(width(text, drawing.font, size) for text in texts) + long + 2.2 * size
    columns = max(1, min(len(entries), int((drawing.width + 1.6 * size) / column)))
    lines = -(-len(entries) // columns)
    for i, (text, (_, sample)) in enumerate(zip(texts, entries, strict=True)):
        x, middle = (i // lines) * column, y + (i % lines + 0.5) * 1.5 * size
        drawing.legend += sample(x, middle)
        drawing.legend.append(Text(x + long + 0.6 * size, middle + 0.35 * size, text, size, ink.theme.text))
    return lines * 1.5 * size


def _boxed(box: Box, long: float, size: float) -> Sample:
    def sample(x: float, middle: float) -> list[Shape]:
        return [replace(box, x=x + 0.6, y=middle - 0.5 * size, width=long - 0.6, height=size)]

    return sample


def _lined(curve: Curve, long: float) -> Sample:
    def sample(x: float, middle: float) -> list[Shape]:
        third = long / 3
        points = tuple((x + third * i, middle) for i in range(4))
        return [replace(curve, points=points)]

    return sample
