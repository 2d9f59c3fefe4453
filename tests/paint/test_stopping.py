"""A drawing that nobody wants any more ends between two shapes, and leaves nothing half done behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pdf_structure import picture_content
from pytestqt.qtbot import QtBot

from circuitviz.cancellation import Cancelled, cancellable, check_cancelled
from circuitviz.document import Document, State
from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.formats.file_io import write_atomically
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.jobs import TaskPool
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.paint import make_figure_page, save_figure
from circuitviz.paint.png import render_bitmap
from circuitviz.shapes.figure_options import FigureOptions

pytestmark = pytest.mark.usefixtures("qapp")
GRAPH = Graph.transformer(ModelShape(2, 4, 16))


def document() -> Document:
    scores = Scores(GRAPH, np.random.default_rng(1).normal(size=GRAPH.mask.shape), "eap")
    return Document(State(None, scores, scores.greedy(40)))


def sheet() -> FigurePage:
    return make_figure_page(document(), FigureOptions(), "a.svg")


def after(count: int) -> Callable[[], bool]:
    """True from the ``count``-th time on that it is asked."""
    left = [count]

    def asked() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return asked


@pytest.mark.parametrize("suffix", [".pdf", ".png", "preview"])
def test_it_ends_between_two_shapes_and_can_be_drawn_again(suffix: str, qtbot: QtBot) -> None:
    """A painter that outlives its paper would end the process."""
    made = sheet()
    assert len(made.drawing.shapes) > 60
    writers = {entry.value.suffix: entry.value.write for entry in figure_formats.entries()}
    write: Callable[[FigurePage], object] = writers.get(suffix, lambda one: render_bitmap(one, 1.0))
    whole = write(made)
    for count in (1, 2, 50, len(made.drawing.shapes)):
        with cancellable(after(count)), pytest.raises(Cancelled):
            write(made)
    with cancellable(after(len(made.drawing.shapes) + 1)):
        again = write(made)
    if isinstance(whole, bytes) and isinstance(again, bytes):  # a preview is an image
        assert picture_content(again) == picture_content(whole)
    else:
        assert again == whole


def test_nothing_is_written_then(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before")
    with cancellable(lambda: True), pytest.raises(Cancelled):
        write_atomically(path, b"after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_only_the_thread_that_is_told_ends() -> None:
    ended: list[str] = []
    with cancellable(lambda: True):
        other = threading.Thread(target=lambda: (check_cancelled(), ended.append("went on")))
        other.start()
        other.join(60)
        with pytest.raises(Cancelled):
            check_cancelled()
    check_cancelled()
    assert ended == ["went on"]


def test_a_cancelled_export_writes_nothing_and_the_next_one_is_written(qtbot: QtBot, tmp_path: Path) -> None:
    heard: list[str] = []
    pool = TaskPool(EventLoopQueue())
    for name in ("first", "second"):
        work = partial(save_figure, document(), tmp_path / f"{name}.pdf")
        handle = pool.submit(work, lane="export", title="Could not export")
        handle.finished.connect(lambda _result, name=name: heard.append(f"{name} written"))
        handle.cancelled.connect(lambda name=name: heard.append(f"{name} cancelled"))
        if name == "first":
            handle.cancel()
    pool.finish("export")
    pool.stop()
    assert sorted(heard) == ["first cancelled", "second written"]
    assert [path.name for path in tmp_path.iterdir()] == ["second.pdf"]
