"""How fluid the window's canvas is with every edge of GPT-2 small, and with 5,000 nodes and 50,000 edges.

    python tests/benchmarks/bench_canvas.py            offscreen
    xvfb-run -a python tests/benchmarks/bench_canvas.py --xcb

Each graph is a file that the window opens, as a person would, and shows with all of its edges. A frame is what
one movement costs until its picture is on the surface. The wait for the sharp picture counts from the last turn
of the wheel, which is not smooth yet where there is a crowd of edges; the stall is the longest the event loop
was away. CPU is the median of the window's thread's own time: on a machine with other work, and with a search
running, it says what the wall clock cannot.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, thread_time

# neither reads nor writes the settings and the unsaved work of a person
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="bench-canvas-")
os.environ["QT_QPA_PLATFORM"] = "xcb" if "--xcb" in sys.argv else "offscreen"

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document import Document, State
from circuitviz.formats import export_document
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.shell.application import create_application
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult

SIZE = (1280, 800)
FRAMES = 120
N_LAYERS, N_TOKENS = 26, 64


def gpt2() -> Document:
    """158 nodes, 32,491 edges; scores as heavy-tailed as attribution scores are."""
    graph = Graph.transformer(ModelShape(12, 12, 768))
    rng = np.random.default_rng(0)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    return Document(State(None, Scores(graph, values, "eap"), Circuit.full(graph)))


def features(n_nodes: int = 5000, n_edges: int = 50_000) -> Document:
    """A graph of features of a prompt: each is at a layer and a token, each edge leads to a later layer."""
    rng = np.random.default_rng(1)
    layers = np.sort(rng.integers(0, N_LAYERS, n_nodes - 1))
    nodes = tuple(
        Node(f"m{layer}.f{i}@{i % N_TOKENS}", NodeKind.FEATURE, int(layer), site="m", position=i % N_TOKENS,
             feature=i, dictionary="random")
        for i, layer in enumerate(layers.tolist())
    )  # fmt: skip
    nodes += (Node(f"logit.5@{N_TOKENS - 1}", NodeKind.LOGITS, position=N_TOKENS - 1, token=5),)
    layers = np.append(layers, N_LAYERS)
    ends = np.unique(np.sort(rng.integers(0, n_nodes, (n_edges * 3, 2)), axis=1), axis=0)
    ends = rng.permutation(ends[layers[ends[:, 0]] < layers[ends[:, 1]]])[:n_edges]
    mask = np.zeros((n_nodes - 1, n_nodes), dtype=bool)
    mask[tuple(ends.T)] = True
    graph = Graph.of_nodes(ModelShape(N_LAYERS, 8, 512), nodes, mask)
    values = graph.mask * rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape) ** 2
    return Document(State(None, Scores(graph, values, "hierarchical-attribution"), Circuit.full(graph)))


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

    timer = QTimer(view, interval=1)
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


def searching(window: MainWindow) -> None:
    """Keep the worker at a long search, until its first result is there."""
    handle = window.workspace.worker.submit(
        DiscoverCircuit("demo", "ioi", None, 64, 0, "exact", {}, "", "corrupted", "", 100)
    )
    came: list[object] = []
    handle.partial.connect(came.append)
    handle.finished.connect(came.append)
    while not any(isinstance(reply, SearchResult) for reply in came):
        QApplication.processEvents()


def open_window(path: Path) -> MainWindow:
    """A window that shows a file, with all edges; prints how long that took."""
    window = MainWindow()
    window.resize(*SIZE)
    window.show()
    window.workspace.start()
    QTest.qWaitForWindowExposed(window)
    began = now()
    window.file_controller.open_path(path)
    while not window.view.circuit_scene.nodes or window.canvas_updater.is_pending:
        QApplication.processEvents()
    window.view.scene_items.render_now()
    line("opened and drawn", [since(began)])
    return window


def main() -> None:
    """Print the table."""
    app = create_application()
    print(f"platform {app.platformName()}, {SIZE[0]}x{SIZE[1]}; milliseconds: p50, p95, longest, CPU")
    folder = Path(os.environ["XDG_DATA_HOME"])
    for build in (gpt2, features):
        path = folder / f"{build.__name__}.circuit"
        export_document(build(), path)
        print(f"{build.__name__}, {path.stat().st_size / 2**20:.1f} MB")
        window = open_window(path)
        view = window.view
        print(f"  {len(view.circuit_scene.nodes):,} nodes, {len(view.circuit_scene.edges):,} edges drawn")
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
        searching(window)
        print("  while a search is running")
        view.fit()
        view.scene_items.render_now()
        line("pan", panning(view))
        line("hover", hovering(view))
        line("zoom, stretched", zooming(view))
        sharp, _, stalls = sharpening(view)
        line("sharp after the wheel", sharp)
        line("longest stall meanwhile", stalls)
        window.close()
        window.workspace.stop()
        window.deleteLater()
        app.processEvents()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
