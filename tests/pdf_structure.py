"""What a PDF shows: its page, fonts, drawing operators and texts about it, without what differs between two writings.

Qt dates each PDF, gives it a random number, and numbers objects in the order of a hash that each process seeds anew.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

STREAM = re.compile(rb"^(\d+) 0 obj\n(<<(?:(?!endobj).)*?>>)\nstream\n", re.DOTALL | re.MULTILINE)
FONT = re.compile(rb"^(\d+) 0 obj\n<<\s*/Type /Font\s+/Subtype /Type0\s+/BaseFont /([^\s/]+)", re.MULTILINE)


@dataclass(frozen=True)
class PdfStructure:
    """``drawing``: the page's operators in their order, fonts by name; ``page``: width and height in points."""

    page: tuple[float, float]
    fonts: tuple[str, ...]
    images: int
    drawing: tuple[str, ...]
    title: str
    about: str

    @property
    def letters(self) -> int:
        """How many letters are shown as text: Qt writes each by itself."""
        return sum(line.endswith("Tj") for line in self.drawing)


def picture_content(data: bytes) -> bytes | PdfStructure:
    """What is the same whenever and wherever a file is written: all its bytes, or a PDF's structure."""
    return pdf_structure(data) if data.startswith(b"%PDF") else data


def pdf_structure(data: bytes) -> PdfStructure:
    """The structure of a PDF of one page, as Qt writes it."""
    assert data.startswith(b"%PDF")
    fonts = {b"F" + number: name.decode() for number, name in FONT.findall(data)}
    page = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\s*\]", data)
    contents = re.search(rb"/Contents (\d+) 0 R", data)
    assert page is not None and contents is not None
    drawing = ""
    for found in STREAM.finditer(data):
        if found[1] == contents[1]:
            assert b"/FlateDecode" in found[2]
            drawing = zlib.decompressobj().decompress(data[found.end() :]).decode("latin-1")
    for number, name in fonts.items():
        drawing = re.sub(rf"/{number.decode()}\b", f"/{name}", drawing)
    title = re.search(rb"/Title \(\xfe\xff((?:\\.|[^)\\])*)\)", data, re.DOTALL)
    about = re.search(rb"<dc:description>.*?</dc:description>", data, re.DOTALL)
    return PdfStructure(
        (float(page[1]), float(page[2])),
        tuple(sorted(fonts.values())),
        len(re.findall(rb"/Subtype\s*/Image", data)),
        tuple(drawing.splitlines()),
        re.sub(rb"\\(.)", rb"\1", title[1]).decode("utf-16-be") if title else "",
        about[0].decode() if about else "",
    )
