"""PDF: fonts are embedded, the page is as large as the picture."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMarginsF, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

from circuitviz.pictures.registry import Sheet, pictures
from circuitviz.pictures.sheet import paint, size


class Pdf:
    """Portable Document Format."""

    suffix = ".pdf"

    def write(self, sheet: Sheet, path: Path) -> None:
        """Paint to one page."""
        whole = size(sheet)
        writer = QPdfWriter(str(path))
        writer.setTitle(sheet.title)
        writer.setCreator("circuitviz")
        points = QSizeF(whole.width() * 0.75, whole.height() * 0.75)
        page = QPageSize(points, QPageSize.Unit.Point, matchPolicy=QPageSize.SizeMatchPolicy.ExactMatch)
        writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
        writer.setResolution(96)
        painter = QPainter(writer)
        paint(sheet, painter)
        painter.end()


pictures.register("pdf", summary="vector picture for papers")(Pdf())
