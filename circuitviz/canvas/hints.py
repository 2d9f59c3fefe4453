"""What the canvas says about itself: a hint under the pointer, legend and count in the corners."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from circuitviz.canvas.inscription import as_printed
from circuitviz.canvas.paint import font, paint_legend
from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode
from circuitviz.canvas.theme import Theme


def hint(picture: CircuitPicture, node: DrawnNode | None, edge: DrawnEdge | None) -> str:
    """Name, label, score and neighbours of what is under the pointer; empty over the ground."""
    if node is not None:
        row = picture.rows[node.name]
        into = int((picture.links.node == row).sum())
        out = int((picture.links.sender == row).sum())
        label = f"<br>{escape(node.label)}" if node.label else ""
        holds = f"<br>{', '.join(map(as_printed, node.members))}" if node.members else ""
        return f"<b>{escape(node.name)}</b>{label}{holds}<br>score {node.score:+.4f}<br>{into} in, {out} out"
    if edge is not None:
        said = escape(edge.note).replace("; ", "<br>") or f"score {edge.score:+.4f}"
        said += f"<br>the sum of {edge.count} edges" if edge.count > 1 else ""
        return f"<b>{escape(edge.name)}</b><br>{said}"
    return ""


def paint_corners(
    painter: QPainter, picture: CircuitPicture, theme: Theme, area: QRectF, note: str
) -> None:
    """The legend above and the note below, in the viewport's pixels; only the note where nothing is."""
    painter.setPen(QColor(theme.muted))
    if not picture.nodes:
        painter.setFont(font(14))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, note or "No circuit yet")
        return
    painter.setFont(font(12))
    line = QRectF(area.left() + 14, area.bottom() - 30, area.width() - 28, 20)
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft, note)
    paint_legend(painter, picture, theme, QPointF(area.left() + 14, area.top() + 12))
