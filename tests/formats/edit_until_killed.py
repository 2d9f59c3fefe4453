"""What test_recovery kills: processes that edit a document, autosaved, until they are no more."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import numpy as np

from circuitviz.document import Document, Label, State, set_label, toggle_ablation
from circuitviz.formats.autosave import Autosave
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))


def edit(folder: Path, seed: int) -> None:
    """Edit at random moments; each edit's time, number and state are logged as soon as it is done."""
    pick = random.Random(seed)
    scores = Scores(GRAPH, np.random.default_rng(seed).normal(size=GRAPH.mask.shape), "eap")
    document = Document(State(None, scores, scores.greedy(40)))
    names = [n for n in document.state.circuit.node_names if n != "logits"]  # type: ignore[union-attr]
    autosave = Autosave(folder / str(seed))
    autosave.track(document)
    log = os.open(folder / f"{seed}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(10**9):
        node = pick.choice(names)
        label = set_label(node, Label(f"edit {number}"))
        document.apply_command(label if pick.random() < 0.7 else toggle_ablation([node]))
        os.write(log, f"{time.monotonic()} {number} {document.state.hash}\n".encode())
        time.sleep(pick.choice((0.01, 0.05, 0.2, 1.0)))


if __name__ == "__main__":
    for seed in range(int(sys.argv[2])):
        if not (child := os.fork()):  # one import for all of them
            edit(Path(sys.argv[1]), seed)
        print(child, flush=True)
    time.sleep(3600)
