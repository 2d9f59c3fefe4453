"""How fast a click is answered: ``QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_live.py``.

The demo model's circuit in a real window, 64 prompts: the time of the click itself until the estimate
stands in the meter, and until the exact value does; then 60 clicks a second for ten seconds. And, on
GPT-2 small's shape with random weights, a click's exact value on 4 prompts against their plain forward.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np
import psutil
from bench_engine import _forward, _gpt2_small, _task
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from circuitviz.discovery import discover
from circuitviz.document import toggle_ablation
from circuitviz.models import PatchedRun, record_activations
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    window = MainWindow()
    window.show()
    window.workspace.start()
    open_arguments(window, None, None, None, demo=True)
    _wait(
        lambda: (
            window.workspace.document.evaluation is not None and len(window.workspace.document.curve) == 10
        )
    )
    _clicks(window)
    _storm(window, given.seconds)
    window.workspace.document.mark_saved(window.workspace.document.path)  # nobody is there to be asked
    window.close()
    assert application is not None
    _gpt2()


def _clicks(window: MainWindow) -> None:
    state = window.workspace.document.state
    assert state.circuit is not None
    names = [n for n in state.circuit.node_names if n not in ("input", "logits")]
    estimates, exacts = [], []
    for name in names:
        began = time.perf_counter()
        window.workspace.apply_command(toggle_ablation([name]))
        estimates.append(time.perf_counter() - began)
        assert window.panels["meter"].value_label.text().startswith("≈")  # type: ignore[attr-defined]
        _wait(lambda: window.workspace.document.evaluation is not None)
        exacts.append(time.perf_counter() - began)
        window.workspace.undo_stack.undo()
    print(f"click to estimate in the meter, {len(names)} nodes: {_percentiles(estimates)}")
    print(f"click to exact value on 64 prompts: {_percentiles(exacts)}")


def _storm(window: MainWindow, seconds: float) -> None:
    state, process = window.workspace.document.state, psutil.Process()
    assert state.circuit is not None
    names = [n for n in state.circuit.node_names if n not in ("input", "logits")]
    pick, stalls, last = np.random.default_rng(0), [], [time.perf_counter()]
    stale = 0

    def beat() -> None:
        now = time.perf_counter()
        stalls.append(now - last[0])
        last[0] = now

    def shown(tier: str) -> None:
        nonlocal stale
        known = window.workspace.document.evaluations.get(window.workspace.document.state.measurement_key)
        if tier == "exact" and window.workspace.live_faithfulness.evaluation is not known:
            stale += 1

    window.workspace.live_faithfulness.changed.connect(shown)
    timer, clicks = QTimer(window, interval=0), 0
    timer.timeout.connect(beat)
    timer.start()
    before = process.memory_info().rss
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        window.workspace.apply_command(toggle_ablation([names[int(pick.integers(len(names)))]]))
        clicks += 1
        QApplication.processEvents()
        while time.perf_counter() < begun + 1 / 60:
            QApplication.processEvents()
    done = time.perf_counter()
    _wait(lambda: window.workspace.document.evaluation is not None)
    settled = time.perf_counter() - done
    timer.stop()
    grown = (process.memory_info().rss - before) / 2**20
    print(
        f"{clicks} clicks in {seconds:g} s: the window's longest pause {max(stalls) * 1e3:.0f} ms, "
        f"{stale} stale numbers, {grown:+.0f} MB, last value exact {settled * 1e3:.0f} ms after the last click"
    )


def _gpt2() -> None:
    model = _gpt2_small()
    task = _task(model, 4, 6)
    at, graph = task.lengths - 1, model.graph
    run = PatchedRun(model, task.clean, at, record_activations(model, task.corrupted, at))
    circuit = discover(model, task, "eap").greedy(487)
    forward, forwards = _forward(model, task), []
    times: dict[str, list[float]] = {"first": [], "middle": [], "last": []}
    for name in [n for n in circuit.node_names if n not in ("input", "logits")]:
        other = circuit.ablate([name]).edges
        run.logits(circuit.edges)
        began = time.perf_counter()
        run.logits(other)
        layer = graph.node(name).layer or 0
        times[("first", "middle", "last")[3 * layer // model.shape.n_layers]].append(
            time.perf_counter() - began
        )
        began = time.perf_counter()
        forward()
        forwards.append(time.perf_counter() - began)
    floor = statistics.median(forwards)
    print(f"GPT-2 shape, 4 prompts, circuit of {circuit.n_edges} edges; plain forward {floor * 1e3:.0f} ms")
    for third, values in times.items():
        if values:
            print(
                f"  a node of the {third} third taken out: {statistics.median(values) * 1e3:.0f} ms, "
                f"{statistics.median(values) / floor:.2f} forwards ({len(values)} nodes)"
            )
    every = [value for values in times.values() for value in values]
    print(f"  any node: {statistics.median(every) / floor:.2f} forwards")


def _wait(done: object, timeout: float = 120.0) -> None:
    end = time.perf_counter() + timeout
    while not done():  # type: ignore[operator]
        QApplication.processEvents()
        assert time.perf_counter() < end, "nothing came"


def _percentiles(values: Sequence[float]) -> str:
    p50, p95 = (np.percentile(values, p) * 1e3 for p in (50, 95))
    return f"{p50:.1f} ms median, {p95:.1f} ms 95th percentile, {max(values) * 1e3:.1f} ms at most"


if __name__ == "__main__":
    main()
