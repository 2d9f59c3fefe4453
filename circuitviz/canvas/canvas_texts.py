"""What the canvas says about itself: a hint under the pointer, legend and count in the corners."""

from __future__ import annotations

from collections.abc import Sequence, Set

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from circuitviz.canvas.canvas_legend import legend_strip_height, paint_legend
from circuitviz.number_text import signed_number
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.box_label import paper_node_name
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import DrawnEdge
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS
from circuitviz.scene.theme import Theme
from circuitviz.shapes.circuit_legend import LegendEntry


def tooltip_text(picture: CircuitScene, node: DrawnNode | None, edge: DrawnEdge | None) -> str:
    """What is under the pointer, in plain lines: name, label, score, neighbours; empty over the ground."""
    if node is not None:
        row = picture.node_rows[node.name]
        into = int((picture.edges.receiver == row).sum())
        out = int((picture.edges.sender == row).sum())
        lines = [node.name]
        if picture.legend_styles:
            lines.append(f"{STYLE_DESCRIPTIONS[node.style]} {node.text}".strip())
        if node.label:
            lines.append(node.label)
        if node.members:
            lines.append(", ".join(map(paper_node_name, node.members)))
        lines += [node.facts] if node.facts else []
        return "\n".join([*lines, f"score {signed_number(node.score, 4)}", f"{into} in, {out} out"])
    if edge is not None:
        tooltip = edge.note.replace("; ", "\n") or f"score {signed_number(edge.score, 4)}"
        tooltip += f"\nthe sum of {edge.n_edges} edges" if edge.n_edges > 1 else ""
        return f"{edge.name}\n{tooltip}"
    return ""


def describe_selection(picture: CircuitScene, nodes: Set[str], edges: Set[str]) -> str:
    """The selection in words, for those who hear the canvas."""
    if len(nodes) == 1 and not edges:
        (name,) = nodes
        if (row := picture.node_rows.get(name)) is not None:
            into, out = (
                int((picture.edges.receiver == row).sum()),
                int((picture.edges.sender == row).sum()),
            )
            label = f", {picture.nodes[row].label}" if picture.nodes[row].label else ""
            return f"{name}{label} selected, {into} edges in, {out} out"
    if not nodes and not edges:
        return "Nothing is selected"
    return f"{len(nodes)} nodes and {len(edges)} edges selected"


def paint_empty_note(painter: QPainter, theme: Theme, area: QRectF, status_text: str) -> None:
    """The note in the middle of a canvas on which nothing is drawn."""
    painter.setPen(QColor(theme.muted))
    painter.setFont(canvas_font(14))
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, status_text or "No circuit yet")


class LegendImage:
    """The strip of a legend as it was painted last: it stays from frame to frame."""

    def __init__(self) -> None:
        self._image = QImage()
        self._entries: Sequence[LegendEntry] = ()
        self._key: tuple[object, ...] = ()

    def paint(self, painter: QPainter, entries: Sequence[LegendEntry], theme: Theme, strip: QRectF) -> None:
        """Put it there, painted anew where it says something else or looks otherwise."""
        ratio = painter.device().devicePixelRatio()
        key = theme, strip, ratio, canvas_font(11).key()
        if self._entries is not entries or self._key != key:
            self._entries, self._key = entries, key
            self._image = QImage((strip.size() * ratio).toSize(), QImage.Format.Format_RGB32)
            self._image.setDevicePixelRatio(ratio)
            own = QPainter(self._image)
            own.translate(-strip.topLeft())
            _paint_strip(own, entries, theme, strip)
            own.end()
        painter.drawImage(strip.topLeft(), self._image)


def _paint_strip(painter: QPainter, entries: Sequence[LegendEntry], theme: Theme, strip: QRectF) -> None:
    painter.fillRect(strip, QColor(theme.ground))
    paint_legend(painter, entries, theme, strip.topLeft() + QPointF(14, 8), strip.width() - 28)


def paint_legend_and_status(
    painter: QPainter,
    entries: Sequence[LegendEntry],
    theme: Theme,
    area: QRectF,
    status_text: str,
    image: LegendImage | None = None,
) -> None:
    """The legend above and the note below, in the viewport's pixels; the circuit may go on behind them.

    ``image``: of the legend, where the painter is one of many that show the same.
    """
    line = QRectF(area.left() + 14, area.bottom() - 30, area.width() - 28, 20)
    above = legend_strip_height(entries, area.width() - 28)
    if above:
        strip = QRectF(area.left(), area.top(), area.width(), above + 4)
        if image is None:
            _paint_strip(painter, entries, theme, strip)
        else:
            image.paint(painter, entries, theme, strip)
    painter.setFont(canvas_font(12))
    if status_text:
        painter.fillRect(area.adjusted(0, area.height() - 34, 0, 0), QColor(theme.ground))
    painter.setPen(QColor(theme.muted))
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft, status_text)
