"""How fluid the canvas is with every edge of GPT-2 small, and with 5,000 nodes and 50,000 edges.

    python tests/benchmarks/bench_canvas.py            offscreen
    xvfb-run -a python tests/benchmarks/bench_canvas.py --xcb

A frame is what one movement costs until its picture is on the surface. The wait for the sharp
picture counts from the last turn of the wheel, which is not smooth yet where there is a crowd of edges;
the stall is the longest the event loop was away. CPU is the median of the window's thread's own time:
on a machine with other work, and with a search running, it says what the wall clock cannot.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter, thread_time

os.environ["QT_QPA_PLATFORM"] = "xcb" if "--xcb" in sys.argv else "offscreen"

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.document import State
from circuitviz.graph import Circuit, Graph, ModelShape, NodeKind, Scores
from circuitviz.jobs import Worker
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import DrawnEdge
from circuitviz.scene.theme import LIGHT
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult

SIZE = (1280, 800)
FRAMES = 120


def gpt2() -> CircuitScene:
    """158 nodes, 32,491 edges; scores as heavy-tailed as attribution scores are."""
    graph = Graph.transformer(ModelShape(12, 12, 768))
    rng = np.random.default_rng(0)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    return build_scene(State(None, Scores(graph, values, "eap"), Circuit.full(graph)), max_edges=100_000)


def features(n_nodes: int = 5000, n_edges: int = 50_000) -> CircuitScene:
    """A feature graph: layers upwards, features of a token side by side."""
    rng = np.random.default_rng(1)
    depth = np.sort(rng.integers(0, 26, n_nodes))
    column = np.concatenate([np.arange((depth == d).sum()) for d in range(26)])
    nodes = tuple(
        DrawnNode(f"f{i}", NodeKind.HEAD, 92.0 * (column[i] - 96), 66.0 * depth[i]) for i in range(n_nodes)
    )
    ends = np.sort(rng.integers(0, n_nodes, (n_edges * 2, 2)), axis=1)
    ends = ends[depth[ends[:, 0]] < depth[ends[:, 1]]][:n_edges]
    strength = np.sort(rng.exponential(size=len(ends)) ** 2)
    strength /= strength[-1]
    edges = tuple(
        DrawnEdge(f"f{s}->f{r}", f"f{s}", f"f{r}", "", float(w) * (1 if k % 3 else -1), float(w))
        for k, ((s, r), w) in enumerate(zip(ends, strength, strict=True))
    )
    return CircuitScene(nodes, edges, len(edges), {n.name: n for n in nodes})


Took = list[tuple[float, float]]  # milliseconds by the clock on the wall, and of the window's thread


def since(began: tuple[float, float]) -> tuple[float, float]:
    """Milliseconds since ``now()``."""
    return (perf_counter() - began[0]) * 1e3, (thread_time() - began[1]) * 1e3


def now() -> tuple[float, float]:
    """Both clocks."""
    return perf_counter(), thread_time()


def frames(view: CircuitView, step: Callable[[int], None]) -> Took:
    """Each frame: a movement, its painting, and what the event loop then does."""
    took = []
    for count in range(FRAMES):
        began = now()
        step(count)
        view.viewport().update()
        QApplication.processEvents()
        took.append(since(began))
    return took


def panning(view: CircuitView) -> Took:
    """Pan back and forth by real steps of a hand."""
    return frames(view, lambda i: view.pan_by(QPoint(7, 4) if i % 40 < 20 else QPoint(-7, -4)))


def hovering(view: CircuitView) -> Took:
    """Hover nodes and edges in turn."""
    rng = np.random.default_rng(2)
    nodes = view.circuit_scene.nodes
    room = view.viewport().rect()

    def step(count: int) -> None:
        if count % 2:
            place = view.viewport_position(nodes[int(rng.integers(len(nodes)))].name)
        else:
            place = QPoint(int(rng.integers(room.width())), int(rng.integers(room.height())))
        QTest.mouseMove(view.viewport(), place)

    return frames(view, step)


def zooming(view: CircuitView) -> Took:
    """Each notch of the wheel shows the stretched picture."""
    about = QPointF(view.viewport().rect().center())
    return frames(view, lambda i: view.zoom_by(1.05 if i % 30 < 15 else 1 / 1.05, about))


def sharpening(view: CircuitView) -> tuple[Took, Took, Took]:
    """Waits for a sharp and for a smooth picture after the wheel, and longest stalls."""
    sharp, smooth, stalls = [], [], []
    beats: Took = []
    last = [now()]

    def beat() -> None:
        beats.append(since(last[0]))
        last[0] = now()

    timer = QTimer(interval=1)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    for count in range(8):
        began = last[0] = now()
        view.zoom_by(1.3 if count % 4 < 2 else 1 / 1.3)
        beats.clear()
        timer.start()
        first = None
        while not view.scene_items.is_sharp:
            QApplication.processEvents()
            if first is None and view.scene_items.is_unstretched:
                first = since(began)
        timer.stop()
        smooth.append(since(began))
        sharp.append(first or since(began))
        stalls.append(max(beats))
    return sharp, smooth, stalls


def line(name: str, took: Took) -> None:
    """Print a row of the table."""
    wall, own = np.array(took).T
    p50, p95 = np.percentile(wall, [50, 95])
    print(f"  {name:<34}{p50:9.1f}{p95:9.1f}{max(wall):9.1f}{np.median(own):9.1f}")


def near_by(view: CircuitView) -> float:
    """How much nearer a picture is looked at."""
    return 4.0 if len(view.circuit_scene.nodes) < 1000 else 20.0


def everything_chosen(view: CircuitView) -> Took:
    """Pan with all nodes selected: every edge stands out."""
    view.select(set(view.circuit_scene.by_name))
    view.scene_items.render_now()
    took = panning(view)
    view.select(set())
    return took


def searching(worker: Worker) -> None:
    """Keep the worker at a long search, as the window does."""
    worker.submit(DiscoverCircuit("demo", "ioi", None, 64, 0, "exact", {}, "", "corrupted", "", 100))
    came = []
    worker.replied.connect(lambda reply: came.append(reply))
    while not any(isinstance(reply, SearchResult) for reply in came):
        QApplication.processEvents()


def main() -> None:
    """Print the table."""
    app = QApplication(sys.argv[:1])
    print(f"platform {app.platformName()}, {SIZE[0]}x{SIZE[1]}; milliseconds: p50, p95, longest, CPU")
    for build in (gpt2, features):
        began = perf_counter()
        picture = build()
        built = (perf_counter() - began) * 1e3
        print(
            f"{len(picture.nodes):,} nodes, {len(picture.edges):,} edges ({build.__name__}, built in {built:.0f})"
        )
        view = CircuitView()
        view.resize(*SIZE)
        view.set_theme(LIGHT)
        view.show()
        QTest.qWaitForWindowExposed(view)
        began = now()
        geometry = SceneGeometry.from_scene(
            picture
        ).precomputed()  # which the window has done in another thread
        line("measured, in a thread of its own", [since(began)])
        began = now()
        view.show_scene(picture, "", geometry)
        view.viewport().repaint()
        line("shown", [since(began)])
        view.scene_items.render_now()
        line("pan, all in sight", panning(view))
        line("hover, all in sight", hovering(view))
        line("zoom, stretched", zooming(view))
        view.set_hover("")
        sharp, smooth, stalls = sharpening(view)
        line("sharp after the wheel", sharp)
        line("smooth after the wheel", smooth)
        line("longest stall meanwhile", stalls)
        line("pan, all selected", everything_chosen(view))
        view.zoom_by(near_by(view))
        view.scene_items.render_now()
        line("pan, near", panning(view))
        line("hover, near", hovering(view))
        sharp, smooth, stalls = sharpening(view)
        line("sharp after the wheel, near", sharp)
        line("smooth after the wheel, near", smooth)
        line("longest stall meanwhile, near", stalls)
        worker = Worker()
        worker.start()
        searching(worker)
        print("  while a search is running")
        view.fit()
        view.scene_items.render_now()
        line("pan", panning(view))
        line("hover", hovering(view))
        line("zoom, stretched", zooming(view))
        sharp, _, stalls = sharpening(view)
        line("sharp after the wheel", sharp)
        line("longest stall meanwhile", stalls)
        worker.stop()
        view.close()
        view.deleteLater()
        app.processEvents()


if __name__ == "__main__":
    main()
