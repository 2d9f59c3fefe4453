"""``circuitviz export``: a picture or another tool's file, without a screen."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from circuitviz.app.cli.output import say, show
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.session import Document


def run(given: argparse.Namespace) -> int:
    """Write a file in the format that its suffix names; returns the exit code."""
    from circuitviz.formats import export_document, export_warning, formats, import_document
    from circuitviz.formats.reference import find

    document = import_document(find(given.source))
    suffix = given.output.suffix.lower()
    if given.plot:
        _plot(given, document)
    elif any(given.output.name.lower().endswith(e.value.suffix) for e in formats.entries()):
        if warning := export_warning(document, given.output):
            say(f"circuitviz: {warning}")
        export_document(document, given.output)
    else:
        _without_screen()
        from circuitviz.pictures import Figure, pictures, save_picture

        known = [e.value.suffix for e in pictures.entries()]
        if suffix not in known:
            others = [e.value.suffix for e in formats.entries() if e.value.writes]
            raise InputError(
                f"'{given.output.name}' has no suffix that can be written; "
                f"{', '.join(sorted([*known, *others]))} can."
            )
        circuit = document.state.circuit
        if given.figure_layout is None and circuit is not None and circuit.graph.is_of_prompt:
            given.figure_layout = "tokens"  # as the window opens it
        save_picture(document, given.output, _chosen(given, Figure))
    return show(given, {"output": str(given.output)}, lambda: f"wrote {given.output}")


def _chosen(given: argparse.Namespace, options: type) -> Any:
    """A figure's options as the flags say them."""
    from circuitviz.options import build, describe

    chosen = {entry.name: getattr(given, f"figure_{entry.name}", None) for entry in describe(options)}
    return build(options, {name: value for name, value in chosen.items() if value is not None})


def _plot(given: argparse.Namespace, document: Document) -> None:
    """The plot of a measure that a file holds, as the window draws it; as CSV its numbers."""
    _without_screen(widgets=True)
    from circuitviz.panels.charts import Chart, charts
    from circuitviz.panels.saving import save_plot
    from circuitviz.pictures.compose import origin
    from circuitviz.pictures.figure import flags_of
    from circuitviz.pictures.plots import PlotFigure

    there = [name for name in document.measures if name in charts.names()]
    if given.plot not in there:
        held = f"it holds {', '.join(there)}" if there else "it holds none; measure it in the window and save"
        raise InputError(f"'{given.source.name}' holds no measure '{given.plot}' to plot; {held}.")
    figure = _chosen(given, PlotFigure)
    words = ["circuitviz", "export", given.source.name, "-o"]
    words += [f"{given.plot}{given.output.suffix.lower()}", "--plot", given.plot]
    command = f"{shlex.join(words)} {flags_of(figure)}".rstrip()
    chart = Chart()
    chart.draw(given.plot, document.measures[given.plot]["result"])
    save_plot(chart, given.output, figure, (command, *origin(document)), given.plot)


def _without_screen(widgets: bool = False) -> object:
    """An application object for fonts and painters; no window, no display needed."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QApplication

    return QGuiApplication.instance() or (QApplication if widgets else QGuiApplication)(["circuitviz"])
