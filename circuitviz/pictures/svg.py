"""SVG: text stays text, every shape says by its class what it is, nothing becomes a bitmap."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

from circuitviz.pictures.drawing import Area, Box, Curve, Shape, Text, arrow_head, dash_of, shaft
from circuitviz.pictures.figure import POINTS_PER_MM
from circuitviz.pictures.registry import Sheet, pictures

FALLBACK = "Arial, Helvetica, sans-serif"  # of the same widths as the shipped font


class Svg:
    """Scalable Vector Graphics."""

    suffix = ".svg"

    def write(self, sheet: Sheet) -> bytes:
        """The figure in mm, its user unit the point."""
        drawing = sheet.drawing
        root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": f"{drawing.width / POINTS_PER_MM:.3f}mm",
                "height": f"{drawing.height / POINTS_PER_MM:.3f}mm",
                "viewBox": f"0 0 {_n(drawing.width)} {_n(drawing.height)}",
                "font-family": f"'{drawing.font}', {FALLBACK}",
            },
        )
        ET.SubElement(root, "title").text = sheet.title
        ET.SubElement(root, "desc").text = "\n".join(sheet.about)
        if drawing.ground:
            ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": drawing.ground})
        for name in ("body", "legend", "words"):
            group = ET.SubElement(root, "g", {"class": name})
            for shape in getattr(drawing, name):
                _add(group, shape)
        ET.indent(root, " ")
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"


def _add(group: Element, shape: Shape) -> None:
    if isinstance(shape, Box):
        given = {"class": shape.role}
        if shape.corners:
            given["points"] = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.corners)
        else:
            given |= {
                "x": _n(shape.x),
                "y": _n(shape.y),
                "width": _n(shape.width),
                "height": _n(shape.height),
                "rx": _n(shape.radius),
            }
        given["fill"] = shape.fill or "none"
        if shape.line_width:
            given |= {"stroke": shape.line, "stroke-width": _n(shape.line_width)}
        if shape.opacity < 1:
            given["opacity"] = _n(shape.opacity)
        if shape.dashed:
            given["stroke-dasharray"] = f"{_n(3 * shape.line_width)} {_n(2 * shape.line_width)}"
        ET.SubElement(group, "polygon" if shape.corners else "rect", given)
    elif isinstance(shape, Curve):
        _curve(group, shape)
    elif isinstance(shape, Area):
        corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        look = {"class": shape.role, "points": corners, "fill": shape.fill, "fill-opacity": _n(shape.opacity)}
        ET.SubElement(group, "polygon", look)
    else:
        _text(group, shape)


def _curve(group: Element, curve: Curve) -> None:
    points = [f"{_n(x)} {_n(y)}" for x, y in shaft(curve)]
    pieces = " ".join(f"C{', '.join(points[i : i + 3])}" for i in range(1, len(points), 3))
    given = {
        "class": curve.role,
        "d": f"M{points[0]} {pieces}",
        "fill": "none",
        "stroke": curve.colour,
        "stroke-width": _n(curve.width),
        "stroke-opacity": _n(curve.opacity),
    }
    if (dash := dash_of(curve)) is not None:
        given["stroke-dasharray"] = f"{_n(dash[0])} {_n(dash[1])}"
    ET.SubElement(group, "path", given)
    if curve.arrow:
        tip = " ".join(f"{_n(x)},{_n(y)}" for x, y in arrow_head(curve))
        look = {"class": curve.role, "points": tip, "fill": curve.colour, "fill-opacity": _n(curve.opacity)}
        ET.SubElement(group, "polygon", look)


def _text(group: Element, text: Text) -> None:
    given = {"x": _n(text.x), "y": _n(text.y), "font-size": _n(text.size), "fill": text.colour}
    if text.bold:
        given["font-weight"] = "bold"
    if text.anchor != "start":
        given["text-anchor"] = text.anchor
    if text.turn:
        given["transform"] = f"rotate({_n(text.turn)} {_n(text.x)} {_n(text.y)})"
    ET.SubElement(group, "text", given).text = _allowed(text.text)


def _allowed(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff")


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


pictures.register("svg", summary="vector picture for the web and for editing")(Svg())
