r"""TikZ: named styles that an author can change; the file stands alone and can be \input into a paper."""

from __future__ import annotations

import re

from circuitviz.pictures.drawing import Area, Box, Curve, Drawing, Shape, Text, arrow_head, dash_of, shaft
from circuitviz.pictures.registry import Sheet, pictures

SPECIAL = {
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
ACCENTED = set("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")  # in LaTeX's own fonts
# A paper that inputs the file has a \documentclass and has loaded tikz; alone, the file brings both.
ALONE = r"""\ifx\tikzpicture\undefined
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


class Tikz:
    """TikZ for LaTeX, in big points (1 bp = 1/72 in), y upwards."""

    suffix = ".tex"

    def write(self, sheet: Sheet) -> bytes:
        """The figure; its styles stand at its head."""
        drawing = sheet.drawing
        lines = [f"% {_comment(sheet.title)}, by circuitviz. In a paper: \\usepackage{{tikz}}, then \\input."]
        lines += [f"% {_comment(line)}" for line in sheet.about]
        page = ALONE.replace("%WIDE", _n(drawing.width)).replace("%HIGH", _n(drawing.height + 0.02))
        lines += [page + r"\begin{tikzpicture}[x=1bp,y=-1bp,"]
        corner = _at(drawing.width, drawing.height)
        styles = _styles(drawing)
        lines += [f"  {name}/.style={{{look}}}," for name, look in sorted(styles.items())]
        lines += ["]"]
        if drawing.ground:
            lines.append(rf"\fill[{_rgb('fill', drawing.ground)}] (0,0) rectangle {corner};")
        lines.append(rf"\path[use as bounding box] (0,0) rectangle {corner};")
        for shape in drawing.shapes:
            lines += _shape(shape, styles)
        return ("\n".join([*lines, r"\end{tikzpicture}%", r"\circuitvizend"]) + "\n").encode()


def _styles(drawing: Drawing) -> dict[str, str]:
    """One style for each kind of box, area and edge, and one for text; that of the first is taken."""
    styles = {"circuit text": r"font=\sffamily,inner sep=0pt,outer sep=0pt,anchor=base west"}
    for shape in drawing.shapes:
        if not isinstance(shape, Text):
            styles.setdefault(f"circuit {shape.role}", _look(shape))
    return styles


def _look(shape: Box | Area | Curve) -> str:
    """A shape's colours and, of a box, its line."""
    if isinstance(shape, Curve):
        return _rgb("color", shape.colour)
    looks = [_rgb("fill", shape.fill)] if shape.fill else []
    if isinstance(shape, Box) and shape.line_width:
        looks += [_rgb("draw", shape.line), f"line width={_n(shape.line_width)}bp"]
    return ",".join(looks)


def _shape(shape: Shape, styles: dict[str, str]) -> list[str]:
    if isinstance(shape, Text):
        return [_text(shape)]
    name = f"circuit {shape.role}"
    named = name if styles[name] == _look(shape) else f"{name},{_look(shape)}"  # cells of a heat map differ
    if isinstance(shape, Curve):
        return _curve(shape, named)
    faint = f",opacity={_n(shape.opacity)}" if shape.opacity < 1 else ""
    if isinstance(shape, Area):
        return [rf"\fill[{named}{faint}] {' -- '.join(_at(x, y) for x, y in shape.points)} -- cycle;"]
    dash = ",dashed" if shape.dashed else ""
    if shape.corners:
        around = " -- ".join(_at(x, y) for x, y in shape.corners)
        return [rf"\path[{named}{dash}{faint}] {around} -- cycle;"]
    round_ = f",rounded corners={_n(shape.radius)}bp" if shape.radius else ""
    corner = _at(shape.x + shape.width, shape.y + shape.height)
    return [rf"\path[{named}{round_}{dash}{faint}] {_at(shape.x, shape.y)} rectangle {corner};"]


def _text(text: Text) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    size = rf"\fontsize{{{_n(text.size)}bp}}{{{_n(1.2 * text.size)}bp}}\selectfont"
    bold = r"\bfseries" if text.bold else ""
    turn = f",rotate={_n(-text.turn)}" if text.turn else ""
    look = f"circuit text,anchor={anchor}{turn},{_rgb('text', text.colour)}"
    return rf"\node[{look}] at {_at(text.x, text.y)} {{{size}{bold} {escaped(text.text)}}};"


def _curve(curve: Curve, named: str) -> list[str]:
    points = [_at(x, y) for x, y in shaft(curve)]
    pieces = " ".join(
        f".. controls {points[i]} and {points[i + 1]} .. {points[i + 2]}" for i in range(1, len(points), 3)
    )
    dash = dash_of(curve)
    pattern = f",dash pattern=on {_n(dash[0])}bp off {_n(dash[1])}bp" if dash else ""
    look = f"{named},line width={_n(curve.width)}bp,opacity={_n(curve.opacity)}{pattern}"
    lines = [rf"\draw[{look}] {points[0]} {pieces};"]
    if curve.arrow:
        tip = " -- ".join(_at(x, y) for x, y in arrow_head(curve))
        lines.append(rf"\fill[{named},opacity={_n(curve.opacity)}] {tip} -- cycle;")
    return lines


def escaped(text: str) -> str:
    """A text as LaTeX sets it; signs that pdfLaTeX may not know become a question mark."""
    kept = "".join(c if c in SPECIAL or c.isascii() or c in ACCENTED else "?" for c in text)
    return "".join(SPECIAL.get(c, c) for c in kept if c >= " ")


def _comment(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)


def _rgb(what: str, colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{what}={{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _at(x: float, y: float) -> str:
    return f"({_n(x)},{_n(y)})"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


pictures.register("tikz", summary="LaTeX code with named styles, to restyle in a paper")(Tikz())
