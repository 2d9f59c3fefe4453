"""From a document and a person's choices to one drawing."""

from __future__ import annotations

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.class_scene import class_scene
from circuitviz.shapes.circuit_legend import draw_figure_legend, figure_entries
from circuitviz.shapes.class_view import draw_class_view
from circuitviz.shapes.drawing import Drawing, TextShape
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption
from circuitviz.shapes.group_frames import FrameOutline
from circuitviz.shapes.head_view import draw_head_view
from circuitviz.shapes.page_style import PageStyle
from circuitviz.shapes.text_metrics import wrap_text

PAGE_MARGIN_PT = 3.0


def draw_figure(document: Document, figure: FigureOptions) -> Drawing:
    """Draw a document's circuit; InputError where there is nothing to draw or no such font."""
    state = document.state
    if state.circuit is None or not state.circuit.n_nodes:
        raise InputError("There is no circuit to draw yet; find one first.")
    page = PageStyle.of_figure(figure)
    inner = Drawing((figure.width_pt - 2 * PAGE_MARGIN_PT) / page.unit, 0.0, "", page.font)
    size, frames = page.size, list[FrameOutline]()
    is_class_view = figure.view == "class"
    scene = (
        class_scene(state, figure.least)
        if is_class_view
        else build_scene(state, figure.layout, figure.most_edges)
    )
    styles = EdgeStyles.of_edges(scene.edges, page.theme)
    if is_class_view:
        y = draw_class_view(inner, scene, styles, page)
    else:
        y, frames = draw_head_view(inner, scene, styles, page)
    if figure.legend:
        y += 1.4 * size
        y += draw_figure_legend(inner, figure_entries(scene, styles, page.theme, frames), y, page)
    if figure.caption:
        y += 0.6 * size
        room = 0.94 * inner.width  # LaTeX's own sans serif is wider than the shipped one
        for line in wrap_text(caption(document, figure), figure.font, size, room):
            y += 1.3 * size
            inner.words.append(TextShape(0.0, y, line, size, page.theme.text))
        y += 0.4 * size
    inner.width, inner.height = figure.width_pt, y * page.unit + 2 * PAGE_MARGIN_PT
    inner.background = "" if figure.transparent else page.theme.ground
    inner.place(PAGE_MARGIN_PT, PAGE_MARGIN_PT, page.unit)
    return inner
