"""Qt dates a PDF and numbers its fonts in the order of a hash that each process seeds anew: undone here."""

from __future__ import annotations

import re

REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
DATES = re.compile(rb"/(?:CreationDate|ModDate) \([^)]*\)\n")
SUBSET = re.compile(rb"(?<=/)[A-Z]{6}(?=\+)")  # "/QDBAAA+LiberationSans": made from an object's number
BOXES = re.compile(rb"/(MediaBox|TrimBox) \[[^\]]*\]")
BEGIN = b"stream\n"


def canonicalise_pdf(made: bytes, wide: float, high: float) -> bytes:
    """The same PDF without dates, its objects in the order in which its trailer leads to them.

    The page is made ``wide`` and ``high`` points: Qt rounds it to whole ones. Works on what QPdfWriter
    writes: one table of objects, none of them compressed.
    """
    end = int(made[made.rindex(b"startxref") + 9 :].split()[0])
    trailer = made[made.index(b"trailer", end) : made.rindex(b"startxref")]
    objects = _objects(made, end)
    order: dict[int, int] = {}
    _walk(trailer, objects, order)
    tags: dict[bytes, bytes] = {}
    out = bytearray(made[: min(made.index(b"1 0 obj"), end)])
    places = []
    for old in sorted(order, key=order.__getitem__):
        head, body = objects[old]
        head = BOXES.sub(rb"/\1 [0 0 %.4f %.4f]" % (wide, high), DATES.sub(b"", head))
        head = SUBSET.sub(lambda found: tags.setdefault(found[0], _tag(len(tags))), head)
        places.append(len(out))
        out += b"%d 0 obj\n" % order[old] + _renumbered(head, order) + body
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = re.sub(rb"/Size \d+", b"/Size %d" % (len(order) + 1), _renumbered(trailer, order))
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(order) + 1) + table
    return bytes(out) + trailer + b"startxref\n%d\n%%%%EOF\n" % start


def _objects(made: bytes, end: int) -> dict[int, tuple[bytes, bytes]]:
    """Each object by its number, in two parts: what may refer to others, and its stream."""
    rows = re.findall(rb"(\d{10}) \d{5} ([nf])", made[end : made.index(b"trailer", end)])
    starts = {int(row[0]): number for number, row in enumerate(rows) if row[1] == b"n"}
    ends = [*sorted(starts)[1:], end]
    objects = {}
    for start, stop in zip(sorted(starts), ends, strict=True):
        text = made[start:stop].partition(b"obj")[2].lstrip(b"\r\n ")
        head, begin, body = text.partition(BEGIN)
        objects[starts[start]] = (head, begin + body)
    return objects


def _walk(text: bytes, objects: dict[int, tuple[bytes, bytes]], order: dict[int, int]) -> None:
    for found in REFERENCE.findall(text):
        if int(found) not in order:
            order[int(found)] = len(order) + 1
            _walk(objects[int(found)][0], objects, order)


def _renumbered(text: bytes, order: dict[int, int]) -> bytes:
    return REFERENCE.sub(lambda found: b"%d 0 R" % order[int(found[1])], text)


def _tag(number: int) -> bytes:
    """Six letters that tell the subsets of one file apart."""
    return b"CVFIG" + bytes([ord("A") + number % 26])
