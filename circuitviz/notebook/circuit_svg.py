"""A circuit as an SVG element for notebooks: positions, colours and routes of the canvas, without Qt."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from circuitviz.document import Document
from circuitviz.draw.page_data import describe_circuit
from circuitviz.formats.text_escapes import escape_html
from circuitviz.notebook.html_parts import theme_rules

MARGIN, MOST_HEIGHT_PX, MOST_WIDTH_PX = 14.0, 560.0, 976.0
CHARACTER_WIDTH = 6.6  # of names of 12 px
NAME_SIZE, LABEL_SIZE = 12, 11


def draw_circuit(document: Document) -> str:
    """The document's circuit as ``<svg>`` with its style; pointing at a part reads its name and score.

    Raises:
        InputError: There is no circuit.
    """
    data = describe_circuit(document)
    left, top, right, bottom = data["bounds"]
    box = left - MARGIN, top - MARGIN, right - left + 2 * MARGIN, bottom - top + 2 * MARGIN
    scale = min(1.0, MOST_WIDTH_PX / box[2], MOST_HEIGHT_PX / box[3])
    palette = _Palette(data)
    shapes = [_edge(edge, data, palette) for edge in data["edges"]]
    shapes += [_node(node, palette) for node in data["nodes"]]
    shapes += [
        _words(column["text"], column["x"], column["y"], NAME_SIZE, column["room"], palette.of_name("muted"))
        for column in data["columns"]
    ]
    body = "".join(shapes)
    name = "cv-" + hashlib.sha256(body.encode()).hexdigest()[:12]  # the same drawing has the same bytes
    style = theme_rules(f"#{name}", palette.variables)
    view = " ".join(f"{value:.1f}" for value in box)
    return (
        f'<style>{style}</style><div class="scrolled"><svg id="{name}" role="img" '
        'xmlns="http://www.w3.org/2000/svg" '
        f'width="{box[2] * scale:.0f}" height="{box[3] * scale:.0f}" viewBox="{view}" '
        f'aria-label="circuit of {len(data["nodes"]):,} nodes" '
        f'style="font-family:system-ui,sans-serif">{body}</svg></div>'
    )


class _Palette:
    """Colours by light and dark, as variables; equal pairs share one."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._palettes = data["palettes"]
        self._names: dict[str, str] = {}
        self.variables: dict[str, dict[str, str]] = {"light": {}, "dark": {}}

    def of(self, light: str, dark: str) -> str:
        key = json.dumps([light, dark])
        if key not in self._names:
            name = self._names[key] = f"c{len(self._names)}"
            self.variables["light"][name], self.variables["dark"][name] = light, dark
        return f"var(--cv-{self._names[key]})"

    def of_name(self, name: str) -> str:
        return self.of(self._palettes["light"][name], self._palettes["dark"][name])

    def of_ink(self, row: int) -> str:
        return self.of(self._palettes["light"]["inks"][row], self._palettes["dark"]["inks"][row])


def _edge(edge: dict[str, Any], data: dict[str, Any], palette: _Palette) -> str:
    points, share = edge["points"], data["controlPointShare"]
    path = f"M{points[0]} {points[1]}"
    for i in range(2, len(points), 2):
        x0, y0, x1, y1 = points[i - 2 : i + 2]
        dx, dy = (share * (x1 - x0), 0.0) if data["isHorizontal"] else (0.0, share * (y1 - y0))
        path += f"C{x0 + dx:.1f} {y0 + dy:.1f} {x1 - dx:.1f} {y1 - dy:.1f} {x1} {y1}"
    dash = f";stroke-dasharray:{' '.join(map(str, edge['dash']))}" if edge["dash"] else ""
    told = edge["name"]
    if data["hasScores"] and edge["score"] is not None:
        told += f" {edge['score']:.4g}".replace("-", "\u2212")
    opacity = 0.25 * edge["opacity"] if edge["ablated"] else edge["opacity"]
    return (
        f'<path d="{path}" style="fill:none;stroke:{palette.of_ink(edge["ink"])};'
        f"stroke-width:{edge['width']};"
        f'stroke-opacity:{opacity:.3f}{dash}"><title>{escape_html(told)}</title></path>'
    )


def _node(node: dict[str, Any], palette: _Palette) -> str:
    left, top, right, bottom = node["box"]
    light, dark = node["looks"]["light"], node["looks"]["dark"]
    dash = ";stroke-dasharray:4 3;opacity:0.55" if node["ablated"] else ""
    fill, line = (palette.of(light[name], dark[name]) for name in ("fill", "line"))
    look = f'style="fill:{fill};stroke:{line};stroke-width:{light["width"]}{dash}"'
    if node["corners"]:
        corners = " ".join(f"{x},{y}" for x, y in node["corners"])
        shape = f'<polygon points="{corners}" {look}/>'
    else:
        shape = (
            f'<rect x="{left}" y="{top}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'rx="{node["radius"]}" {look}/>'
        )
    x, y, room = (left + right) / 2, (top + bottom) / 2, right - left - 6
    has_label = bool(node["label"]) and bottom - top >= 30
    colour = palette.of_name("muted" if node["ablated"] else "text")
    words = _words(node["boxTitle"], x, y - 8 if has_label else y, NAME_SIZE, room, colour)
    if has_label:
        words += _words(node["label"], x, y + 9, LABEL_SIZE, room, colour)
    told = "\n".join(part for part in (node["name"], node["label"], node["facts"]) if part)
    return f"<g>{shape}{words}<title>{escape_html(told)}</title></g>"


def _words(words: str, x: float, y: float, size: int, room: float, colour: str) -> str:
    most = max(1, int(room / (CHARACTER_WIDTH * size / NAME_SIZE)))
    shown = words if len(words) <= most else f"{words[: max(1, most - 1)].rstrip()}…"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="middle" dominant-baseline="central" '
        f'style="fill:{colour}">{escape_html(shown)}</text>'
    )
