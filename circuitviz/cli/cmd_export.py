"""``circuitviz export``: a picture, a web page or another tool's file, without a screen."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz import draw, evaluation, formats, paint, shapes
from circuitviz.cli.flags import add_option_flags
from circuitviz.cli.output import print_result, print_warning
from circuitviz.cli.qt_application import create_qt_application
from circuitviz.errors import InputError
from circuitviz.options import build_options, describe_options
from circuitviz.scene.document_layout import usual_layout
from circuitviz.shapes import charts
from circuitviz.workbench.shared_page import PAGE_SUFFIX, save_web_page

if TYPE_CHECKING:
    from circuitviz.document import Document


SUMMARY = "write a picture, a web page or another tool's file"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``export``: those of a picture and of a plot are made from their options."""
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    text = "a measure that the file holds, drawn as its plot, for example curve"
    parser.add_argument("--plot", metavar="MEASURE", help=text)
    group = parser.add_argument_group("of a picture")
    fields = {
        e.name: e
        for options in (shapes.PlotFigureOptions, shapes.FigureOptions)
        for e in describe_options(options)
    }
    for entry in fields.values():
        if entry.kind is bool:
            dest, action = f"figure_{entry.name}", argparse.BooleanOptionalAction
            group.add_argument(entry.flag, dest=dest, action=action, default=None, help=entry.help)
        else:
            add_option_flags(group, [entry], "figure_")


def run(args: argparse.Namespace) -> int:
    """Write a file in the format that its suffix names; returns the exit code."""
    document = formats.import_document(formats.find_reference(args.source))
    suffix = args.output.suffix.lower()
    if args.plot:
        _export_plot(args, document)
    elif any(args.output.name.lower().endswith(e.value.suffix) for e in formats.formats.entries()):
        if warning := formats.export_warning(document, args.output):
            print_warning(warning)
        formats.export_document(document, args.output)
    elif suffix == PAGE_SUFFIX:
        colours = _options_from_flags(args, shapes.FigureOptions).edge_colours
        save_web_page(document, args.output, args.figure_layout, colours)
    else:
        create_qt_application()
        known = [e.value.suffix for e in draw.figure_formats.entries()]
        if suffix not in known:
            others = [e.value.suffix for e in formats.formats.entries() if e.value.writes]
            raise InputError(
                f"'{args.output.name}' has no suffix that can be written; "
                f"{', '.join(sorted([*known, *others, PAGE_SUFFIX]))} can."
            )
        args.figure_layout = args.figure_layout or usual_layout(document)
        paint.save_figure(document, args.output, _options_from_flags(args, shapes.FigureOptions))
    return print_result(args, {"output": str(args.output)}, lambda: f"wrote {args.output}")


def _options_from_flags(args: argparse.Namespace, options: type) -> Any:
    """A figure's options as the flags say them."""
    chosen = {entry.name: getattr(args, f"figure_{entry.name}", None) for entry in describe_options(options)}
    return build_options(options, {name: value for name, value in chosen.items() if value is not None})


def _export_plot(args: argparse.Namespace, document: Document) -> None:
    """The plot of a measure that a file holds, as the window draws it; as CSV its numbers."""
    create_qt_application()
    there = [name for name in document.measures if name in charts.charts.names()]
    if args.plot in document.measures and args.plot not in there:
        there += [name for name in document.measures if name in evaluation.measures.names()]
    if args.plot not in there:
        held = f"it holds {', '.join(there)}" if there else "it holds none; measure it in the window and save"
        raise InputError(f"'{args.source.name}' holds no measure '{args.plot}' to plot; {held}.")
    figure = _options_from_flags(args, shapes.PlotFigureOptions)
    words = ["circuitviz", "export", args.source.name, "-o"]
    words += [f"{args.plot}{args.output.suffix.lower()}", "--plot", args.plot]
    command = f"{shlex.join(words)} {shapes.options_to_flags(figure)}".rstrip()
    chart = charts.MeasureChart(args.plot, document.measures[args.plot]["result"])
    paint.save_plot(chart, args.output, figure, (command, *shapes.origin_lines(document)), args.plot)
