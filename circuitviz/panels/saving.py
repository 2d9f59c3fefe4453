"""Every plot and heat map is saved the same way: a picture by its suffix, or the table behind it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPagedPaintDevice, QPageSize, QPainter, QPdfWriter, QPixmap
from PySide6.QtSvg import QSvgGenerator

from circuitviz.errors import InputError

KINDS = "Pictures (*.svg *.pdf *.png);;Table (*.csv)"


class Savable(Protocol):
    """What can be exported."""

    def save(self, path: Path) -> None:
        """Write a picture or a table, as the suffix says."""


def save_picture(
    path: Path,
    size: QSize,
    paint: Callable[[QPainter], None],
    grab: Callable[[], QPixmap],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Write SVG or PDF with ``paint``, PNG with ``grab``, or CSV of ``rows``, as the suffix says.

    ``paint`` works in pixels of ``size``. InputError on another suffix.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8")
    elif suffix == ".png":
        grab().save(str(path))
    elif suffix == ".svg":
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(size)
        generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
        _painted(generator, paint)
    elif suffix == ".pdf":
        writer = QPdfWriter(str(path))
        writer.setResolution(72)
        writer.setPageSize(QPageSize(size, "plot", QPageSize.SizeMatchPolicy.ExactMatch))
        writer.setPageMargins(writer.pageLayout().minimumMargins())
        _painted(writer, paint)
    else:
        raise InputError(
            f"'{path.name}' has no suffix that a plot can be written as; .svg, .pdf, .png or .csv "
            "would be right."
        )


def _painted(device: QSvgGenerator | QPagedPaintDevice, paint: Callable[[QPainter], None]) -> None:
    painter = QPainter(device)
    paint(painter)
    painter.end()
