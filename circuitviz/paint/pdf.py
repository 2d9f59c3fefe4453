"""PDF: the font is embedded, text can be selected, the page is as large as the figure."""

from __future__ import annotations

import math
import re
from traceback import clear_frames
from xml.sax.saxutils import escape

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.paint.shape_painter import paint_drawing

PAGE_BOX = re.compile(rb"(?<=Box )\[0 0 \d+\.\d{6} \d+\.\d{6}\]")
RESOLUTION_DPI = 7200  # Qt rounds some lengths to its dots: a hundredth of a point is fine enough
XMP_TEMPLATE = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{about}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


class PdfFormat:
    """Portable Document Format."""

    suffix = ".pdf"

    def write(self, sheet: FigurePage) -> bytes:
        """One page, as large as the drawing."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        writer = QPdfWriter(buffer)
        about = "\n".join(sheet.metadata_lines)
        writer.setTitle(sheet.title)
        writer.setCreator("circuitviz")
        xmp = XMP_TEMPLATE.format(title=escape(sheet.title), about=escape(about))
        writer.setDocumentXmpMetadata(QByteArray(xmp.encode()))
        wide, high = sheet.drawing.width, sheet.drawing.height
        size = QSizeF(math.ceil(wide), math.ceil(high))
        exact = QPageSize.SizeMatchPolicy.ExactMatch
        page = QPageSize(size, QPageSize.Unit.Point, matchPolicy=exact)
        writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
        writer.setResolution(RESOLUTION_DPI)
        painter = QPainter(writer)
        painter.scale(RESOLUTION_DPI / 72, RESOLUTION_DPI / 72)
        painter.translate(0, size.height() - high)  # a PDF's origin is the lower left corner
        try:
            paint_drawing(sheet.drawing, painter)
        except Exception as error:
            clear_frames(error.__traceback__)  # they hold the painter
            raise
        finally:
            del painter  # packs the page, which may take seconds: unlike end(), without Python's lock
        box = b"[0 0 %.6f %.6f]" % (wide, high)  # Qt rounds it to whole points
        return PAGE_BOX.sub(lambda found: box.ljust(len(found[0])), bytes(buffer.data().data()))


figure_formats.register("pdf", summary="vector picture for papers")(PdfFormat())
