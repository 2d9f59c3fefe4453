"""What senders do straight to the logits under any circuit: what backup and "what changed" compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.graph import BoolMatrix, Interventions
from circuitviz.progress import Progress, ProgressSteps


def measure_direct_effects(
    bench: FaithfulnessBench,
    edges: BoolMatrix,
    sender_rows: Sequence[int],
    message: str,
    pass_index: tuple[int, int] = (0, 1),
    interventions: Interventions | None = None,
) -> ProgressSteps[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The metric [prompts] under ``edges``, and each sender's direct effect on it [rows, prompts].

    A sender's direct effect is L − L with its edge to the logits ablated: exact, 0 where the circuit
    has no such edge. ``pass_index``: which of how many such passes this is, for the progress.
    """
    setting, last = bench.setting, edges.shape[1] - 1
    columns = np.repeat(edges[None, :, last], len(sender_rows), axis=0)
    columns[np.arange(len(sender_rows)), list(sender_rows)] = False
    values, effects = [], []
    yield from bench.prepare()
    for part, run, reference in bench.batch_runs():
        replaced = bench.batch_interventions(part, run, interventions or {})
        value = setting.compute_metric(run.logits(edges, replaced), part, reference).double().cpu().numpy()
        lost = np.zeros((len(sender_rows), len(part)))
        if len(sender_rows):
            for which, logits in run.variants(edges, last, columns, replaced):
                each = setting.compute_metric_of_copies(logits, part, reference).cpu().numpy()
                lost[which.start : which.stop] = value[None] - each
        values.append(value)
        effects.append(lost)
        done = pass_index[0] + sum(len(v) for v in values) / len(setting.task)
        yield Progress(done, pass_index[1], message)
    return np.concatenate(values), np.concatenate(effects, axis=1)
