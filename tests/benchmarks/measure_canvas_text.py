"""What can be read of large circuits in the window: sizes of drawn text, overlaps, and how much of the canvas is used.

    python tests/benchmarks/measure_canvas_text.py                     a table in Markdown, offscreen
    python tests/benchmarks/measure_canvas_text.py FILE.circuit ...    circuits of one's own as well
    python tests/benchmarks/measure_canvas_text.py --only 700 --layout right --images FOLDER

Every circuit is opened in the real window at each size, scale, theme and size of the system's text, in each layout
with layers upwards and to the right, and is painted once more with a painter that notes each text: what it says,
where, and how high its letters are. Pixels are those that do not depend on the scale; a row stands for all themes and
scales that measure the same. Columns: *names*, names that are written in boxes of the nodes in sight; *cut*, names
and labels that end in …; *least text*, pixels of the smallest text; *boxes*, pairs of boxes in sight that overlap;
*texts*, pairs of texts that overlap, among them legend, axes, tokens and status; *map*, boxes in sight that the small
map covers; *canvas*, the canvas's share of the window's area; *used*, the share of the canvas's free area that lies
within the outermost boxes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from pathlib import Path
from time import perf_counter
from typing import Any

# neither reads nor writes the settings and the unsaved work of a person
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="measure-canvas-")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPolygonF, QTransform
from PySide6.QtWidgets import QApplication

from circuitviz.canvas.camera_placement import free_area_for
from circuitviz.canvas.foreground import paint_foreground
from circuitviz.document import Document, State
from circuitviz.formats import import_document, open_document
from circuitviz.formats.reference_circuit import list_references
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.paint.circuit_painter import has_written_name, node_box, paint_node
from circuitviz.shell.application import create_application
from circuitviz.shell.main_window import MainWindow
from circuitviz.shell.settings import Settings

SIZES = (QSize(1280, 800), QSize(1920, 1080))
TEXT_POINTS = (9, 14)
SCALES = (1, 2)
THEMES = ("light", "dark")
WAIT_S = 60.0
MIN_OVERLAP_PX = 1.0  # pixels in both directions; less is a rounded edge
COLUMNS = (
    *("circuit", "layout", "window", "text", "scale", "theme", "zoom", "in sight", "names", "cut"),
    *("least text", "boxes", "texts", "map", "canvas", "used"),
)
N_KEYS, N_MERGED = 4, 2  # columns that tell rows apart, and those that are joined where all else is the same
LAYOUTS = {"upwards": ("layered", False), "right": ("layered", True), "grid": ("grid", False)}
LAYOUTS |= {"grid right": ("grid", True)}
FEATURE_LAYOUTS = {"upwards": ("tokens", False), "right": ("tokens", True)}


def random_circuit(shape: ModelShape, n_edges: int) -> Document:
    """Edges of scores as heavy-tailed as attribution scores are."""
    graph, rng = Graph.transformer(shape), np.random.default_rng(0)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    scores = Scores(graph, values, "eap-ig")
    return Document(State(None, scores, scores.greedy(n_edges)))


def feature_graph(n_nodes: int = 700, n_layers: int = 12, n_tokens: int = 16) -> Document:
    """Features of a prompt, each at a layer and a token; each edge leads to a later layer."""
    rng = np.random.default_rng(1)
    layers = np.sort(rng.integers(0, n_layers, n_nodes - n_tokens - 1)).tolist()
    nodes = [Node(f"token@{t}", NodeKind.TOKEN, position=t, token=t) for t in range(n_tokens)]
    for i, layer in enumerate(layers):
        at = int(rng.integers(n_tokens))
        nodes.append(
            Node(
                f"m{layer}.f{i}@{at}",
                NodeKind.FEATURE,
                layer,
                site="m",
                position=at,
                feature=i,
                dictionary="random",
            )
        )
    nodes.append(Node(f"logit.7@{n_tokens - 1}", NodeKind.LOGITS, position=n_tokens - 1, token=7))
    mask = np.zeros((n_nodes - 1, n_nodes), bool)
    depth = np.array([-1] * n_tokens + layers + [n_layers])
    for receiver in range(n_tokens, n_nodes):
        before = np.flatnonzero(depth[:-1] < depth[receiver])
        mask[rng.choice(before, min(4, len(before)), replace=False), receiver] = True
    graph = Graph.of_nodes(ModelShape(n_layers, 2, 16), tuple(nodes), mask)
    strings = [f" word{t}" for t in range(n_tokens)]
    values = rng.exponential(size=graph.mask.shape) * graph.mask
    scores = Scores(graph, values, "attribution-graph", info={"prompt": {"strings": strings}})
    return Document(State(None, scores, Circuit.full(graph)))


CIRCUITS: dict[str, Callable[[], Document]] = {
    "IOI of GPT-2 small": lambda: import_document(list_references()["ioi-gpt2"]),
    "12 layers, 756 edges": lambda: random_circuit(ModelShape(12, 12, 768), 756),
    "30 layers, 500 edges": lambda: random_circuit(ModelShape(30, 9, 576, 3), 500),
    "48 layers, 800 edges": lambda: random_circuit(ModelShape(48, 16, 1024), 800),
    "700 features": feature_graph,
}


@dataclass(frozen=True)
class DrawnText:
    """A text on the canvas, its rectangle, level or slanted, and the height of its letters' font, in pixels."""

    text: str
    outline: QPolygonF
    size: float


class NotingPainter:
    """A QPainter that notes what is written with it."""

    def __init__(self, painter: QPainter) -> None:
        self._painter = painter
        self.texts: list[DrawnText] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._painter, name)

    def drawText(self, *given: Any) -> None:  # noqa: N802 - Qt's name
        """Note a text, and write it."""
        painter = self._painter
        painter.drawText(*given)
        metrics, text = QFontMetricsF(painter.font()), str(given[-1])
        if isinstance(given[0], QPointF):
            place = metrics.boundingRect(text).translated(given[0])
        else:
            place = metrics.boundingRect(
                QRectF(given[0]), int(given[1]) | Qt.TextFlag.TextDontClip.value, text
            )
            place = self._letters(place, metrics)
        transform = painter.worldTransform()
        size = painter.font().pixelSize() * abs(transform.determinant()) ** 0.5  # slanted or not
        self.texts.append(DrawnText(text, transform.map(QPolygonF(place)), size))

    @staticmethod
    def _letters(line: QRectF, metrics: QFontMetricsF) -> QRectF:
        """A line without the room above and below its letters."""
        spare = max(0.0, (metrics.height() - metrics.capHeight()) / 2)
        return line.adjusted(0, spare, 0, -spare)


def texts_in_boxes(window: MainWindow) -> list[DrawnText]:
    """What is written in the boxes in sight."""
    view = window.view
    image = QImage(view.viewport().size(), QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    painter.setTransform(view.viewportTransform())
    noting, scene = NotingPainter(painter), view.circuit_scene
    for node in nodes_in_sight(window):
        paint_node(
            noting,  # type: ignore[arg-type]
            scene.by_name[node],
            view.theme,
            scale=view.zoom,
            omits_position=bool(scene.columns),
            heat=0.5,
        )
    painter.end()
    return noting.texts


def texts_around(window: MainWindow) -> list[DrawnText]:
    """Legend, axes, tags and status."""
    image = QImage(window.view.viewport().size(), QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    noting = NotingPainter(painter)
    paint_foreground(noting, window.view)  # type: ignore[arg-type]
    painter.end()
    return noting.texts


def nodes_in_sight(window: MainWindow) -> list[str]:
    """Nodes whose boxes are wholly in the free area of the canvas."""
    view, to_view = window.view, window.view.viewportTransform()
    free = free_area_for(view, view.circuit_scene).adjusted(-13, -13, 13, 1)
    return [node.name for node in view.circuit_scene.nodes if free.contains(to_view.mapRect(node_box(node)))]


def overlapping(outlines: list[QPolygonF]) -> int:
    """Pairs of rectangles that overlap by more than a pixel."""
    bounds = [outline.boundingRect() for outline in outlines]
    near = ((i, j) for i, j in combinations(range(len(outlines)), 2) if bounds[i].intersects(bounds[j]))
    met = (outlines[i].intersected(outlines[j]).boundingRect() for i, j in near)
    return sum(part.width() > MIN_OVERLAP_PX and part.height() > MIN_OVERLAP_PX for part in met)


def measure(window: MainWindow) -> list[str]:
    """The row of a window as it is, from its zoom on."""
    view, to_view = window.view, QTransform(window.view.viewportTransform())
    scene, seen = view.circuit_scene, nodes_in_sight(window)
    boxes = {name: to_view.mapRect(node_box(scene.by_name[name])) for name in seen}
    inner, outer = texts_in_boxes(window), texts_around(window)
    names = sum(has_written_name(scene.by_name[name], view.zoom) for name in seen)
    least = min((text.size for text in (*inner, *outer)), default=0.0)
    whole = QRectF()
    for rect in boxes.values():
        whole = whole.united(rect)
    free = free_area_for(view, scene)
    return [
        f"{view.zoom:.2f}",
        f"{len(seen)} of {len(scene.nodes)}",
        str(names),
        str(sum("…" in text.text for text in inner)),
        f"{least:.1f} px",
        str(overlapping([QPolygonF(box) for box in boxes.values()])),
        str(overlapping([text.outline for text in (*inner, *outer) if text.text])),
        str(sum(view.overview.rect.intersects(box) for box in boxes.values())),
        f"{view.width() * view.height() / (window.width() * window.height()):.0%}",
        f"{whole.width() * whole.height() / (free.width() * free.height()):.0%}",
    ]


def show(window: MainWindow, document: Document, layout: str) -> None:
    """Open a document as the window does, and wait until it is drawn."""
    window.workspace.set_document(document)
    window.layout_controller.choose_layout(layout)
    end = perf_counter() + WAIT_S
    while perf_counter() < end and (
        window.canvas_updater.is_pending
        or window.view.animation.is_running
        or not window.view.circuit_scene.nodes
    ):
        QApplication.processEvents()
    for _ in range(20):
        QApplication.processEvents()
    window.view.scene_items.render_now()


def measure_all(chosen: argparse.Namespace) -> None:
    """A row for each circuit, layout, window, theme and size of text, at the scale of this process."""
    app = create_application()
    app.setOrganizationName("circuitviz-measure")
    circuits = {name: build for name, build in CIRCUITS.items() if chosen.only in name}
    for path in chosen.files:
        circuits[Path(path).stem] = partial(open_document, Path(path))
    scale = int(os.environ.get("QT_SCALE_FACTOR", "1"))
    settings = Settings()
    system_points = QApplication.font().pointSizeF()
    for name, points, theme, size in product(circuits, TEXT_POINTS, THEMES, SIZES):
        circuit = circuits[name]().state.circuit
        is_of_prompt = circuit is not None and circuit.graph.is_of_prompt
        layouts = FEATURE_LAYOUTS if is_of_prompt else LAYOUTS
        for title, (layout, is_horizontal) in layouts.items():
            if chosen.layout not in ("", title):
                continue
            settings.theme, settings.text_size = theme, round(100 * points / system_points)
            settings.is_canvas_horizontal = is_horizontal
            window = MainWindow(settings=settings)
            window.resize(size)
            window.show()
            show(window, circuits[name](), layout)
            keys = [name, title, f"{size.width()}×{size.height()}", f"{points} pt", f"{scale}×", theme]
            print("\t".join([*keys, *measure(window)]), flush=True)
            if chosen.images:
                file = f"{name}-{title}-{size.width()}-{scale}x-{theme}-{points}pt.png".replace(" ", "-")
                window.grab().save(str(Path(chosen.images) / file))
            window.workspace.undo_stack.setClean()
            window.close()
            window.deleteLater()
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()


def merge_rows(rows: list[list[str]]) -> list[list[str]]:
    """One row for all scales and themes that measure the same."""
    merged: dict[tuple[str, ...], list[list[str]]] = {}
    for row in rows:
        merged.setdefault((*row[:N_KEYS], *row[N_KEYS + N_MERGED :]), []).append(row)
    order = {tuple(row[:N_KEYS]): number for number, row in reversed(list(enumerate(rows)))}
    return [
        [
            *key[:N_KEYS],
            *(", ".join(dict.fromkeys(row[N_KEYS + i] for row in alike)) for i in range(N_MERGED)),
            *key[N_KEYS:],
        ]
        for key, alike in sorted(merged.items(), key=lambda each: order[each[0][:N_KEYS]])
    ]


def main() -> None:
    """Measure at each scale in a process of its own: Qt reads it once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="circuits of one's own")
    parser.add_argument("--only", default="", help="circuits whose names have these letters")
    parser.add_argument("--layout", default="", choices=("", *LAYOUTS), help="one layout instead of all")
    parser.add_argument("--images", default="", help="a folder for pictures of the windows")
    parser.add_argument("--one-scale", action="store_true", help="rows at the scale of QT_SCALE_FACTOR alone")
    chosen = parser.parse_args()
    if chosen.one_scale:
        return measure_all(chosen)
    rows = []
    for scale in SCALES:
        command = [sys.executable, __file__, *sys.argv[1:], "--one-scale"]
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
        told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        rows += [line.split("\t") for line in told.splitlines()]
    for row in (list(COLUMNS), ["---"] * len(COLUMNS), *merge_rows(rows)):
        print("| " + " | ".join(row) + " |")
    return None


if __name__ == "__main__":
    main()
