"""How fluid the canvas is with every edge of GPT-2 small, and with 5,000 nodes and 50,000 edges.

    python tests/benchmarks/bench_canvas.py            offscreen
    xvfb-run -a python tests/benchmarks/bench_canvas.py --xcb

A frame is what one movement costs until its picture is on the surface. The wait for the sharp
picture counts from the last turn of the wheel; the stall is the longest the event loop was away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter

os.environ["QT_QPA_PLATFORM"] = "xcb" if "--xcb" in sys.argv else "offscreen"

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from circuitviz.canvas.picture import CircuitPicture, DrawnEdge, DrawnNode, picture_of
from circuitviz.canvas.theme import LIGHT
from circuitviz.canvas.view import CircuitView
from circuitviz.graph import Circuit, Graph, Kind, Scores, Shape
from circuitviz.session import State

SIZE = (1280, 800)
FRAMES = 120


def gpt2() -> CircuitPicture:
    """158 nodes, 32,491 edges; scores as heavy-tailed as attribution scores are."""
    graph = Graph.transformer(Shape(12, 12, 768))
    rng = np.random.default_rng(0)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    return picture_of(State(None, Scores(graph, values, "eap"), Circuit.full(graph)), most=100_000)


def features(n_nodes: int = 5000, n_edges: int = 50_000) -> CircuitPicture:
    """A feature graph: layers upwards, features of a token side by side."""
    rng = np.random.default_rng(1)
    depth = np.sort(rng.integers(0, 26, n_nodes))
    column = np.concatenate([np.arange((depth == d).sum()) for d in range(26)])
    nodes = tuple(
        DrawnNode(f"f{i}", Kind.HEAD, 92.0 * (column[i] - 96), 66.0 * depth[i]) for i in range(n_nodes)
    )
    ends = np.sort(rng.integers(0, n_nodes, (n_edges * 2, 2)), axis=1)
    ends = ends[depth[ends[:, 0]] < depth[ends[:, 1]]][:n_edges]
    strength = np.sort(rng.exponential(size=len(ends)) ** 2)
    strength /= strength[-1]
    edges = tuple(
        DrawnEdge(f"f{s}->f{r}", f"f{s}", f"f{r}", "", float(w) * (1 if k % 3 else -1), float(w))
        for k, ((s, r), w) in enumerate(zip(ends, strength, strict=True))
    )
    return CircuitPicture(nodes, edges, len(edges), {n.name: n for n in nodes})


def frames(view: CircuitView, step: Callable[[int], None]) -> list[float]:
    """Milliseconds of each frame: a movement, its painting, and what the event loop then does."""
    took = []
    for count in range(FRAMES):
        began = perf_counter()
        step(count)
        view.viewport().update()
        QApplication.processEvents()
        took.append((perf_counter() - began) * 1e3)
    return took


def panning(view: CircuitView) -> list[float]:
    """Pan back and forth by real steps of a hand."""
    return frames(view, lambda i: view.pan_by(QPoint(7, 4) if i % 40 < 20 else QPoint(-7, -4)))


def hovering(view: CircuitView) -> list[float]:
    """Hover nodes and edges in turn."""
    rng = np.random.default_rng(2)
    nodes = view.picture.nodes
    room = view.viewport().rect()

    def step(count: int) -> None:
        if count % 2:
            place = view.place_of(nodes[int(rng.integers(len(nodes)))].name)
        else:
            place = QPoint(int(rng.integers(room.width())), int(rng.integers(room.height())))
        QTest.mouseMove(view.viewport(), place)

    return frames(view, step)


def zooming(view: CircuitView) -> list[float]:
    """Each notch of the wheel shows the stretched picture."""
    about = QPointF(view.viewport().rect().center())
    return frames(view, lambda i: view.zoom_by(1.05 if i % 30 < 15 else 1 / 1.05, about))


def sharpening(view: CircuitView) -> tuple[list[float], list[float], list[float]]:
    """Waits for a sharp and for a smooth picture after the wheel, and longest stalls, in ms."""
    sharp, smooth, stalls = [], [], []
    last = [0.0]
    beats: list[float] = []

    def beat() -> None:
        now = perf_counter()
        beats.append((now - last[0]) * 1e3)
        last[0] = now

    timer = QTimer(interval=1)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    for count in range(12):
        view.zoom_by(1.3 if count % 4 < 2 else 1 / 1.3)
        began = last[0] = perf_counter()
        beats.clear()
        timer.start()
        first = 0.0
        while not view.stage.is_sharp:
            QApplication.processEvents()
            if not first and view.stage.is_in_scale:
                first = perf_counter() - began
        timer.stop()
        smooth.append((perf_counter() - began) * 1e3)
        sharp.append((first or perf_counter() - began) * 1e3)
        stalls.append(max(beats))
    return sharp, smooth, stalls


def line(name: str, took: list[float]) -> None:
    """Print a row of the table."""
    p50, p95 = np.percentile(took, [50, 95])
    print(f"  {name:<34}{p50:9.1f}{p95:9.1f}{max(took):9.1f}")


def main() -> None:
    """Print the table."""
    app = QApplication(sys.argv[:1])
    print(f"platform {app.platformName()}, {SIZE[0]}x{SIZE[1]}; milliseconds: p50, p95, longest")
    for build in (gpt2, features):
        began = perf_counter()
        picture = build()
        built = (perf_counter() - began) * 1e3
        print(f"{len(picture.nodes):,} nodes, {len(picture.edges):,} edges ({build.__name__}, built in {built:.0f})")
        view = CircuitView()
        view.resize(*SIZE)
        view.set_theme(LIGHT)
        view.show()
        QTest.qWaitForWindowExposed(view)
        began = perf_counter()
        view.show_circuit(picture, "")
        view.viewport().repaint()
        line("shown", [(perf_counter() - began) * 1e3])
        view.stage.settle()
        line("pan, all in sight", panning(view))
        line("hover, all in sight", hovering(view))
        line("zoom, stretched", zooming(view))
        view.set_hover("")
        sharp, smooth, stalls = sharpening(view)
        line("sharp after the wheel", sharp)
        line("smooth after the wheel", smooth)
        line("longest stall meanwhile", stalls)
        view.zoom_by(4.0 if len(picture.nodes) < 1000 else 20.0)
        view.stage.settle()
        line("pan, near", panning(view))
        line("hover, near", hovering(view))
        sharp, smooth, stalls = sharpening(view)
        line("sharp after the wheel, near", sharp)
        line("smooth after the wheel, near", smooth)
        line("longest stall meanwhile, near", stalls)
        view.close()
        view.deleteLater()
        app.processEvents()


if __name__ == "__main__":
    main()
