r"""TikZ: named styles that an author can change; the file stands alone and can be \input into a paper."""

from __future__ import annotations

import re

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.shapes.drawing import (
    AreaShape,
    BoxShape,
    CurveShape,
    Drawing,
    DrawingShape,
    TextShape,
    arrow_head,
    shaft_points,
)

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': "''",
    "…": r"\ldots{}",
    "\u00a0": "~",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "→": r"\ensuremath{\rightarrow}",
    "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}",
    "≈": r"\ensuremath{\approx}",
    "∖": r"\ensuremath{\setminus}",
    "∅": r"\ensuremath{\emptyset}",
    "⏎": r"\ensuremath{\hookleftarrow}",
    "Δ": r"\ensuremath{\Delta}",
    "Σ": r"\ensuremath{\Sigma}",
    "τ": r"\ensuremath{\tau}",
    "␣": r"\textvisiblespace{}",
    "–": "--",
    "“": "``",
    "”": "''",
    "’": "'",
}
LATEX_ACCENTED = set("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")  # in LaTeX's own fonts
# A paper that inputs the file has a \documentclass and has loaded tikz; alone, the file brings both.
STANDALONE_PREAMBLE = r"""\ifx\tikzpicture\undefined
  \documentclass{article}
  \usepackage{tikz}
  \usepackage[paperwidth=%WIDEbp,paperheight=%HIGHbp,margin=0pt]{geometry}
  \pagestyle{empty}\setlength{\parindent}{0pt}\setlength{\topskip}{0pt}
  \def\circuitvizend{\end{document}}
  \begin{document}
\else
  \def\circuitvizend{}
\fi
"""


class TikzFormat:
    """TikZ for LaTeX, in big points (1 bp = 1/72 in), y upwards."""

    suffix = ".tex"

    def write(self, sheet: FigurePage) -> bytes:
        """The figure; its styles stand at its head."""
        drawing = sheet.drawing
        lines = [f"% {_comment(sheet.title)}, by circuitviz. In a paper: \\usepackage{{tikz}}, then \\input."]
        lines += [f"% {_comment(line)}" for line in sheet.metadata_lines]
        page = STANDALONE_PREAMBLE.replace("%WIDE", _format_number(drawing.width)).replace(
            "%HIGH", _format_number(drawing.height + 0.02)
        )
        lines += [page + r"\begin{tikzpicture}[x=1bp,y=-1bp,"]
        corner = _coordinate(drawing.width, drawing.height)
        styles = _style_definitions(drawing)
        lines += [f"  {name}/.style={{{look}}}," for name, look in sorted(styles.items())]
        lines += ["]"]
        if drawing.background:
            lines.append(rf"\fill[{_rgb('fill', drawing.background)}] (0,0) rectangle {corner};")
        lines.append(rf"\path[use as bounding box] (0,0) rectangle {corner};")
        for shape in drawing.shapes:
            lines += _shape_lines(shape, styles)
        return ("\n".join([*lines, r"\end{tikzpicture}%", r"\circuitvizend"]) + "\n").encode()


def _style_definitions(drawing: Drawing) -> dict[str, str]:
    """One style for each kind of box, area and edge, and one for text; that of the first is taken."""
    styles = {"circuit text": r"font=\sffamily,inner sep=0pt,outer sep=0pt,anchor=base west"}
    for shape in drawing.shapes:
        if not isinstance(shape, TextShape):
            styles.setdefault(f"circuit {shape.role}", _style_of(shape))
        if isinstance(shape, CurveShape) and shape.end_role:
            styles.setdefault(f"circuit {shape.end_role}", _rgb("color", shape.end_colour))
    return styles


def _style_of(shape: BoxShape | AreaShape | CurveShape) -> str:
    """A shape's colours and, of a box, its line."""
    if isinstance(shape, CurveShape):
        return _rgb("color", shape.colour)
    looks = [_rgb("fill", shape.fill)] if shape.fill else []
    if isinstance(shape, BoxShape) and shape.line_width:
        looks += [_rgb("draw", shape.line_colour), f"line width={_format_number(shape.line_width)}bp"]
    return ",".join(looks)


def _shape_lines(shape: DrawingShape, styles: dict[str, str]) -> list[str]:
    if isinstance(shape, TextShape):
        return [_text_node(shape)]
    name = f"circuit {shape.role}"
    named = (
        name if styles[name] == _style_of(shape) else f"{name},{_style_of(shape)}"
    )  # cells of a heat map differ
    if isinstance(shape, CurveShape):
        return _curve_lines(shape, named)
    faint = f",opacity={_format_number(shape.opacity)}" if shape.opacity < 1 else ""
    if isinstance(shape, AreaShape):
        return [rf"\fill[{named}{faint}] {' -- '.join(_coordinate(x, y) for x, y in shape.points)} -- cycle;"]
    dash = ",dashed" if shape.dashed else ""
    if shape.corners:
        around = " -- ".join(_coordinate(x, y) for x, y in shape.corners)
        return [rf"\path[{named}{dash}{faint}] {around} -- cycle;"]
    round_ = f",rounded corners={_format_number(shape.radius)}bp" if shape.radius else ""
    corner = _coordinate(shape.x + shape.width, shape.y + shape.height)
    return [rf"\path[{named}{round_}{dash}{faint}] {_coordinate(shape.x, shape.y)} rectangle {corner};"]


def _text_node(text: TextShape) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    size = rf"\fontsize{{{_format_number(text.size)}bp}}{{{_format_number(1.2 * text.size)}bp}}\selectfont"
    bold = r"\bfseries" if text.bold else ""
    turn = f",rotate={_format_number(-text.rotation_deg)}" if text.rotation_deg else ""
    look = f"circuit text,anchor={anchor}{turn},{_rgb('text', text.colour)}"
    return rf"\node[{look}] at {_coordinate(text.x, text.y)} {{{size}{bold} {escape_latex(text.text)}}};"


def _curve_lines(curve: CurveShape, named: str) -> list[str]:
    points = [_coordinate(x, y) for x, y in shaft_points(curve)]
    pieces = " ".join(
        f".. controls {points[i]} and {points[i + 1]} .. {points[i + 2]}" for i in range(1, len(points), 3)
    )
    on, off = map(_format_number, curve.dash or (0, 0))
    pattern = f",dash pattern=on {on}bp off {off}bp" if curve.dash else ""
    look = (
        f"{named},line width={_format_number(curve.width)}bp,opacity={_format_number(curve.opacity)}{pattern}"
    )
    lines = [rf"\draw[{look}] {points[0]} {pieces};"]
    if curve.arrow:
        tip = " -- ".join(_coordinate(x, y) for x, y in arrow_head(curve))
        head = f"circuit {curve.end_role}" if curve.end_role else named
        lines.append(rf"\fill[{head}] {tip} -- cycle;")
    return lines


def escape_latex(text: str) -> str:
    """A text as LaTeX sets it; signs that pdfLaTeX may not know become a question mark."""
    kept = "".join(c if c in LATEX_ESCAPES or c.isascii() or c in LATEX_ACCENTED else "?" for c in text)
    return "".join(LATEX_ESCAPES.get(c, c) for c in kept if c >= " ")


def _comment(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)


def _rgb(what: str, colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{what}={{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _coordinate(x: float, y: float) -> str:
    return f"({_format_number(x)},{_format_number(y)})"


def _format_number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


figure_formats.register("tikz", summary="LaTeX code with named styles, to restyle in a paper")(TikzFormat())
