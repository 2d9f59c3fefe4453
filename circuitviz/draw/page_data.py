"""A circuit as plain data for the viewer of web pages and notebooks: what the canvas draws, without Qt.

Positions, colours, routes of edges and marks are those of ``scene`` and ``shapes``; the viewer
(``resources/web/viewer.js``) only paints them. The width of text is estimated here, since it is known in the
browser alone, and only boxes with labels depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.document import Document, Label, State
from circuitviz.draw.page_direction import LAYER_PITCH, turn_tall_scene
from circuitviz.errors import InputError
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.document_layout import saved_layout
from circuitviz.scene.edge_arrays import FloatArray
from circuitviz.scene.edge_curves import CONTROL_POINT_SHARE
from circuitviz.scene.theme import EDGE_COLOURS, THEMES, Theme, with_edge_colours
from circuitviz.shapes.drawing import BoxShape
from circuitviz.shapes.edge_styles import EdgeStyles, edge_curves
from circuitviz.shapes.node_shapes import NODE_WIDTHS, node_bounds, node_shapes

MEAN_CHARACTER_WIDTH = 6.4  # scene units of a label's text on the canvas
TOKEN_GAP = 26.0  # scene units between the lowest box and the tokens below it


def describe_circuit(
    document: Document, layout: str | None = None, edge_colours: str = EDGE_COLOURS[0]
) -> dict[str, Any]:
    """A document's circuit as JSON data for the viewer, ablated parts included.

    Args:
        document: What is shown.
        layout: A name in ``layout.layouts``; None is the document's own, as its window shows it.
        edge_colours: One of ``theme.EDGE_COLOURS``.

    Returns:
        ``nodes`` and ``edges``, the weakest edge first, as ``resources/web/viewer.js`` reads them; lengths in
        scene units with y downwards.

    Raises:
        InputError: There is no circuit.
    """
    state = document.state
    if state.circuit is None or not state.circuit.n_nodes:
        raise InputError("There is no circuit to draw yet; find one first.")
    scene = build_scene(state, layout or saved_layout(document))
    scene = turn_tall_scene(scene, _estimate_bounds(scene))
    bounds = _estimate_bounds(scene)
    themes = {name: with_edge_colours(theme, edge_colours) for name, theme in THEMES.items()}
    low, high = bounds[:, :2].min(0), bounds[:, 2:].max(0)
    columns = _describe_columns(scene, float(high[1]), float(low[0]))
    return {
        "nodes": [
            _describe_node(state, node, box) for node, box in zip(scene.nodes, bounds.tolist(), strict=True)
        ],
        "edges": _describe_edges(state, scene, bounds, themes["light"]),
        "columns": columns,
        "bounds": [*low.tolist(), float(high[0]), float(high[1]) + (2 * TOKEN_GAP if columns else 0.0)],
        "palettes": {name: _describe_palette(scene, theme) for name, theme in themes.items()},
        "isHorizontal": scene.is_horizontal,
        "hasScores": state.scores is not None,
        "controlPointShare": CONTROL_POINT_SHARE,
    }


def _estimate_bounds(scene: CircuitScene) -> FloatArray:
    return node_bounds(scene.nodes, lambda text: MEAN_CHARACTER_WIDTH * len(text))


def describe_label(state: State, target: str, label: Label | None) -> dict[str, Any] | None:
    """A label with the verdicts of its claims and their numbers; None where there is none."""
    if label is None:
        return None
    context, evidence = state.evidence_context_of(target), []
    for one in label.evidence:
        outcome, numbers = one.outcome, ""
        if outcome is not None and outcome.effect is not None:
            numbers = f"{outcome.measured} {decimal_number(outcome.effect, 3)}"
            if outcome.low is not None and outcome.high is not None:
                numbers += f" {interval_text(outcome.low, outcome.high, 3)}"
            numbers += f", {outcome.prompts} prompts"
        stale = one.stale_parts(context)
        verdict = "not tested" if outcome is None else outcome.verdict
        evidence.append(
            {
                "claim": one.claim,
                "verdict": f"{verdict} (another {' and '.join(stale)})" if stale else verdict,
                "numbers": numbers,
            }
        )
    return {"text": label.text, "note": label.note, "author": label.author, "evidence": evidence}


def _describe_node(state: State, node: DrawnNode, box: list[float]) -> dict[str, Any]:
    left, top, right, bottom = box
    rect = left, top, right - left, bottom - top
    shapes = {name: node_shapes(node, rect, theme)[0] for name, theme in THEMES.items()}
    outline = shapes["light"]
    assert isinstance(outline, BoxShape)
    target = f"group:{node.name}" if node.members else node.name
    return {
        "name": node.name,
        "title": node.title,
        "boxTitle": node.title if node.box is None else node.title_in_cell,
        "label": node.label if not node.members else "",
        "facts": node.facts,
        "score": node.score,
        "ablated": node.ablated,
        "members": list(node.members),
        "evidence": describe_label(state, target, state.labels.get(target)),
        "box": _rounded(box),
        "corners": [_rounded(corner) for corner in outline.corners],
        "radius": outline.radius,
        "looks": {
            name: {"fill": shape.fill, "line": shape.line_colour, "width": shape.line_width}
            for name, shape in shapes.items()
            if isinstance(shape, BoxShape)
        },
    }


def _describe_edges(
    state: State, scene: CircuitScene, bounds: FloatArray, theme: Theme
) -> list[dict[str, Any]]:
    edges, styles = scene.edges, EdgeStyles.of_edges(scene.edges, theme)
    port_widths = np.array(
        [NODE_WIDTHS[node.kind] if node.box is None else node.box[0] for node in scene.nodes]
    )
    curves = edge_curves(edges, bounds, port_widths, scene.is_horizontal)
    described = []
    for row, cubic in enumerate(curves.cubics(np.arange(len(edges)))):
        edge, line = edges[row], styles.line(row, cubic)
        described.append(
            {
                "name": edge.name,
                "sender": int(edges.sender[row]),
                "receiver": int(edges.receiver[row]),
                "channel": int(edges.channel[row]),
                "score": edge.score,
                "count": edge.n_edges,
                "ablated": edge.ablated,
                "points": _rounded(place for point in cubic[::3] for place in point),
                "width": round(line.width, 2),
                "opacity": round(line.opacity, 3),
                "dash": _rounded(line.dash or ()),
                "ink": int(styles.ink[row]),
                "endInk": int(styles.end_ink[row]),
                "evidence": describe_label(state, edge.name, state.labels.get(edge.name)),
            }
        )
    return described


def _describe_palette(scene: CircuitScene, theme: Theme) -> dict[str, Any]:
    inks = EdgeStyles.of_edges(scene.edges, theme).colours
    names = ("ground", "text", "muted", "accent")
    return {name: getattr(theme, name) for name in names} | {"inks": list(inks)}


def _describe_columns(scene: CircuitScene, bottom: float, left: float) -> list[dict[str, Any]]:
    """The tokens below the columns; where layers go from left to right, to the left of them.

    Without tokens, the numbers of the layers below those whose boxes do not tell them.
    """
    described: list[dict[str, Any]] = []
    if scene.is_horizontal and not scene.columns:
        return [
            {"text": f"L{row.layer}", "x": row.place, "y": bottom + TOKEN_GAP, "room": LAYER_PITCH}
            for row in scene.layer_rows
        ]
    for column in scene.columns:
        middle = (column.left + column.right) / 2
        x, y = (left - 2 * TOKEN_GAP, middle) if scene.is_horizontal else (middle, bottom + TOKEN_GAP)
        described.append(
            {"text": column.label, "x": x, "y": y, "room": max(column.right - column.left, 24.0)}
        )
    return described


def _rounded(numbers: Any) -> list[float]:
    return [round(float(number), 1) for number in numbers]
