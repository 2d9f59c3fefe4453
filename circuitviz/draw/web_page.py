"""One self-contained web page of a circuit: no request leaves it, and no text of a document is code.

The page holds the viewer's module and style sheet, allowed by their hashes in its content security policy,
the circuit as JSON, and the ``.circuit`` file itself. Texts are escaped where they stand in the page, and the
viewer makes text nodes of those in the JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from circuitviz.document import Document, State
from circuitviz.document.labels import class_key
from circuitviz.document.verdict_card import FAILS, HOLDS, NOT_MEASURED, UNDECIDED, verdict_card
from circuitviz.draw.page_data import describe_circuit, describe_label
from circuitviz.formats.circuit_file import pack_document
from circuitviz.formats.text_escapes import escape_html
from circuitviz.resources import resource_path
from circuitviz.scene.theme import EDGE_COLOURS, THEMES
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption, document_file_name, document_title, origin_lines

CSS_COLOURS = ("ground", "panel", "line", "text", "muted", "accent", "warning")
PLOT_WIDTH, PLOT_HEIGHT, PLOT_MARGIN = 560.0, 240.0, 42.0  # CSS pixels
ALL_EDGES = 10**9


def write_web_page(
    document: Document, methods: str = "", layout: str | None = None, edge_colours: str = EDGE_COLOURS[0]
) -> bytes:
    """A document as one HTML file.

    Args:
        document: What is shown; its file is embedded.
        methods: The methods paragraph; empty where the circuit does not say how it was found.
        layout: A name in ``layout.layouts``; None is the document's own.
        edge_colours: One of ``theme.EDGE_COLOURS``.

    Raises:
        InputError: There is no circuit.
    """
    title = document_title(document)
    data = describe_circuit(document, layout, edge_colours)
    data["fileName"] = f"{Path(document_file_name(document)).stem}.circuit"
    folder = document.path.parent.absolute() if document.path else Path.cwd()
    file = base64.b64encode(pack_document(document, folder=folder)).decode("ascii")
    script = _module_source()
    style = _colour_rules() + resource_path("web", "viewer.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src '{_hash_source(script)}'; style-src '{_hash_source(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    sections = (
        _curve_section(document),
        _verdict_section(document),
        _label_section(document),
        _paragraph("Methods", methods, "methods"),
        _paragraph("Notes", document.state.notes.strip(), "notes"),
    )
    about = caption(document, FigureOptions(most_edges=ALL_EDGES))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{escape_html(title)} – circuitviz</title>
<style>{style}</style>
</head>
<body>
<header><h1>{escape_html(title)}</h1><p class="caption">{escape_html(about)}</p></header>
<main>
<noscript><p>This drawing needs JavaScript; the texts and numbers below do not.</p></noscript>
<div id="viewer"></div>
{"".join(sections)}<h2>Document</h2>
<p><button type="button" id="download">Save {escape_html(data["fileName"])}</button>
opens in circuitviz, with everything above.</p>
</main>
<footer>{"<br>".join(map(escape_html, origin_lines(document)))}</footer>
<script type="application/json" id="circuit-data">{_json_in_html(data)}</script>
<script type="text/plain" id="circuit-file">{file}</script>
<script type="module">{script}</script>
</body>
</html>
""".encode()


def _module_source() -> str:
    """The viewer and the page's own code as one inline module."""
    parts = [resource_path("web", name).read_text("utf-8") for name in ("viewer.js", "page.js")]
    return "\n" + "\n".join(parts)


def _colour_rules() -> str:
    """The themes' colours as custom properties, by what the reader's system prefers."""
    rules = {
        name: "".join(f"--{colour}:{getattr(theme, colour)};" for colour in CSS_COLOURS)
        for name, theme in THEMES.items()
    }
    return (
        f"\n:root{{color-scheme:light dark;{rules['light']}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{rules['dark']}}}}}\n"
    )


def _hash_source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _json_in_html(data: Mapping[str, Any]) -> str:
    """JSON that holds no ``<``, so that no text of it ends the element that holds it."""
    finite = json.loads(json.dumps(data), parse_constant=lambda _name: None)
    return json.dumps(finite, separators=(",", ":")).replace("<", "\\u003c")


def _paragraph(title: str, text: str, name: str) -> str:
    return f'<h2>{title}</h2>\n<p class="{name}">{escape(text)}</p>\n' if text else ""


def _verdict_section(document: Document) -> str:
    """The verdicts on the circuit, and in one line what was not measured."""
    verdicts = verdict_card(document).verdicts
    rows = "".join(
        f"<tr><th>{escape_html(one.title)}</th><td>{escape_html(one.state)}</td><td>{escape_html(one.number)}</td>"
        f"<td>{escape_html(one.sentence)}</td></tr>\n"
        for one in verdicts
        if one.state in (HOLDS, FAILS, UNDECIDED)
    )
    missing = ", ".join(one.title for one in verdicts if one.state == NOT_MEASURED)
    rest = f'<p class="caption">Not measured: {escape_html(missing)}.</p>\n' if missing else ""
    return "<h2>What was measured</h2>\n" + (_table(rows) if rows else "") + rest if rows or rest else ""


def _table(rows: str) -> str:
    return f'<div class="table"><table>{rows}</table></div>\n'


def _label_section(document: Document) -> str:
    """Every label with its claims, those of edges, groups and classes too."""
    state, rows = document.state, []
    for target, label in sorted(state.labels.items()):
        told = describe_label(state, target, label)
        assert told is not None
        claims = "<br>".join(
            f"<b>{escape_html(one['verdict'])}</b> {escape_html(one['claim'])} {escape_html(one['numbers'])}"
            for one in told["evidence"]
        )
        members = escape_html(json.dumps(_members_of(state, target)))
        place = (
            f'<button type="button" data-target="{escape(target)}" data-members="{members}">'
            f"{escape_html(target)}</button>"
        )
        note = f"<br><small>{escape_html(label.note)}</small>" if label.note else ""
        rows.append(
            f"<tr><td>{place}</td><td>{escape_html(label.text)}{note}</td>"
            f"<td>{claims or 'not tested'}</td></tr>\n"
        )
    head = "<tr><th>Node</th><th>Label</th><th>Evidence</th></tr>\n"
    return f"<h2>Labels</h2>\n{_table(head + ''.join(rows))}" if rows else ""


def _members_of(state: State, target: str) -> list[str]:
    """The nodes of a labelled group or class, by name; none of a node or an edge."""
    kind, _, name = target.partition(":")
    if kind == "group" and name in state.groups:
        return sorted(state.groups[name].nodes)
    if kind != "class":
        return []
    key = class_key(name)
    return sorted(node for node, label in state.labels.items() if class_key(label.text) == key)


def _curve_section(document: Document) -> str:
    """Faithfulness against the number of edges, on a logarithmic axis, with its intervals."""
    points = [p for p in document.curve if _is_number(p.get("value")) and p.get("edges", 0) > 0]
    points.sort(key=lambda point: point["edges"])
    if len(points) < 2:
        return ""
    values = [p[name] for p in points for name in ("value", "low", "high") if _is_number(p.get(name))]
    low, high = min(0.0, *values), max(1.0, *values)
    first, last = (math.log(points[i]["edges"]) for i in (0, -1))

    def place(edges: int, value: float) -> tuple[float, float]:
        share = (math.log(edges) - first) / ((last - first) or 1.0)
        x = PLOT_MARGIN + share * (PLOT_WIDTH - 2 * PLOT_MARGIN)
        y = PLOT_HEIGHT - PLOT_MARGIN - (value - low) / (high - low) * (PLOT_HEIGHT - 2 * PLOT_MARGIN)
        return round(x, 1), round(y, 1)

    return f"<h2>Faithfulness against the number of edges</h2>\n{_draw_curve(points, place, (low, high))}\n"


def _draw_curve(points: Sequence[Mapping[str, Any]], place: Any, extent: tuple[float, float]) -> str:
    first, last = points[0]["edges"], points[-1]["edges"]
    parts = []
    for value in sorted({0.0, 1.0, *(round(v, 2) for v in extent)}):
        (x0, y), (x1, _) = place(first, value), place(last, value)
        parts.append(f'<line class="axis" x1="{x0}" y1="{y}" x2="{x1}" y2="{y}"/>')
        parts.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    for point in points:
        if _is_number(point.get("low")) and _is_number(point.get("high")):
            (x, y0), (_, y1) = (place(point["edges"], point[name]) for name in ("low", "high"))
            parts.append(f'<line class="line" x1="{x}" y1="{y0}" x2="{x}" y2="{y1}" stroke-opacity="0.4"/>')
    line = " ".join("{},{}".format(*place(p["edges"], p["value"])) for p in points)
    parts.append(f'<polyline class="line" points="{line}"/>')
    for point in points:
        x, y = place(point["edges"], point["value"])
        told = f"{point['edges']:,} edges: {point['value']:.3f}"
        parts.append(f'<circle class="point" cx="{x}" cy="{y}" r="3.5"><title>{told}</title></circle>')
    for number in (first, last):
        x, _ = place(number, extent[0])
        y = PLOT_HEIGHT - PLOT_MARGIN + 18
        parts.append(f'<text x="{x}" y="{y}" text-anchor="middle">{number:,} edges</text>')
    name = "Faithfulness against the number of edges"
    return (
        f'<svg class="plot" viewBox="0 0 {PLOT_WIDTH:g} {PLOT_HEIGHT:g}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
