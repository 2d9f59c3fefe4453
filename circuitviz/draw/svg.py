"""SVG: text stays text, every shape says by its class what it is, nothing becomes a bitmap."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.shapes.drawing import (
    AreaShape,
    BoxShape,
    CurveShape,
    DrawingShape,
    TextShape,
    arrow_head,
    shaft_points,
)
from circuitviz.shapes.figure_options import POINTS_PER_MM

FALLBACK_FONTS = "Arial, Helvetica, sans-serif"  # of the same widths as the shipped font


class SvgFormat:
    """Scalable Vector Graphics."""

    suffix = ".svg"

    def write(self, sheet: FigurePage) -> bytes:
        """The figure in mm, its user unit the point."""
        drawing = sheet.drawing
        root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": f"{drawing.width / POINTS_PER_MM:.3f}mm",
                "height": f"{drawing.height / POINTS_PER_MM:.3f}mm",
                "viewBox": f"0 0 {_format_number(drawing.width)} {_format_number(drawing.height)}",
                "font-family": f"'{drawing.font}', {FALLBACK_FONTS}",
            },
        )
        ET.SubElement(root, "title").text = sheet.title
        ET.SubElement(root, "desc").text = "\n".join(sheet.metadata_lines)
        if drawing.background:
            ET.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": drawing.background})
        for name in ("body", "legend", "words"):
            group = ET.SubElement(root, "g", {"class": name})
            for shape in getattr(drawing, name):
                _append_shape(group, shape)
        ET.indent(root, " ")
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="utf-8") + b"\n"


def _append_shape(group: Element, shape: DrawingShape) -> None:
    if isinstance(shape, BoxShape):
        given = {"class": shape.role}
        if shape.corners:
            given["points"] = " ".join(f"{_format_number(x)},{_format_number(y)}" for x, y in shape.corners)
        else:
            given |= {
                "x": _format_number(shape.x),
                "y": _format_number(shape.y),
                "width": _format_number(shape.width),
                "height": _format_number(shape.height),
                "rx": _format_number(shape.radius),
            }
        given["fill"] = shape.fill or "none"
        if shape.line_width:
            given |= {"stroke": shape.line_colour, "stroke-width": _format_number(shape.line_width)}
        if shape.opacity < 1:
            given["opacity"] = _format_number(shape.opacity)
        if shape.dashed:
            given["stroke-dasharray"] = (
                f"{_format_number(3 * shape.line_width)} {_format_number(2 * shape.line_width)}"
            )
        ET.SubElement(group, "polygon" if shape.corners else "rect", given)
    elif isinstance(shape, CurveShape):
        _append_curve(group, shape)
    elif isinstance(shape, AreaShape):
        corners = " ".join(f"{_format_number(x)},{_format_number(y)}" for x, y in shape.points)
        look = {
            "class": shape.role,
            "points": corners,
            "fill": shape.fill,
            "fill-opacity": _format_number(shape.opacity),
        }
        ET.SubElement(group, "polygon", look)
    else:
        _append_text(group, shape)


def _append_curve(group: Element, curve: CurveShape) -> None:
    points = [f"{_format_number(x)} {_format_number(y)}" for x, y in shaft_points(curve)]
    pieces = " ".join(f"C{', '.join(points[i : i + 3])}" for i in range(1, len(points), 3))
    given = {
        "class": curve.role,
        "d": f"M{points[0]} {pieces}",
        "fill": "none",
        "stroke": curve.colour,
        "stroke-width": _format_number(curve.width),
        "stroke-opacity": _format_number(curve.opacity),
    }
    if curve.dash is not None:
        given["stroke-dasharray"] = " ".join(map(_format_number, curve.dash))
    ET.SubElement(group, "path", given)
    if curve.arrow:
        tip = " ".join(f"{_format_number(x)},{_format_number(y)}" for x, y in arrow_head(curve))
        look = {
            "class": curve.end_role or curve.role,
            "points": tip,
            "fill": curve.end_colour or curve.colour,
        }
        ET.SubElement(group, "polygon", look)


def _append_text(group: Element, text: TextShape) -> None:
    given = {
        "x": _format_number(text.x),
        "y": _format_number(text.y),
        "font-size": _format_number(text.size),
        "fill": text.colour,
    }
    if text.bold:
        given["font-weight"] = "bold"
    if text.anchor != "start":
        given["text-anchor"] = text.anchor
    if text.rotation_deg:
        given["transform"] = (
            f"rotate({_format_number(text.rotation_deg)} {_format_number(text.x)} {_format_number(text.y)})"
        )
    ET.SubElement(group, "text", given).text = _without_control_characters(text.text)


def _without_control_characters(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff")


def _format_number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


figure_formats.register("svg", summary="vector picture for the web and for editing")(SvgFormat())
