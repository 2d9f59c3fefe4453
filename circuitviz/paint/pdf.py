"""PDF: the font is embedded, text can be selected, the page is as large as the figure."""

from __future__ import annotations

import hashlib
import math
import uuid
from traceback import clear_frames
from xml.sax.saxutils import escape

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QSizeF, QUuid
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.paint.pdf_objects import canonicalise_pdf
from circuitviz.paint.shape_painter import paint_drawing

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
        """One page. It has no date and its number is made from what it says, so that the same figure
        gives the same bytes: in any second, process and time zone.
        """
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        writer = QPdfWriter(buffer)
        about = "\n".join(sheet.metadata_lines)
        writer.setTitle(sheet.title)
        writer.setCreator("circuitviz")
        number = hashlib.sha256(f"{sheet.title}\n{about}".encode()).digest()[:16]
        writer.setDocumentId(QUuid(str(uuid.UUID(bytes=number))))
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
        return canonicalise_pdf(bytes(buffer.data().data()), wide, high)


figure_formats.register("pdf", summary="vector picture for papers")(PdfFormat())
