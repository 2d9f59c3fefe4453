"""Direct effects of senders on the metric under any circuit, shared by backup and the change report."""

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
    """Measure the metric under a circuit, and each sender's direct effect on it.

    The direct effect is L minus L with the sender's edge to the logits ablated: exact, and 0 where the
    circuit has no such edge.

    Args:
        bench: The bench.
        edges: The circuit, [senders, receivers].
        sender_rows: Rows of the senders.
        message: Message of the progress.
        pass_index: Which of how many such passes this is, for the progress.
        interventions: What some nodes send instead of their own output.

    Returns:
        A generator whose result is the metric [prompts] and the effects [rows, prompts].
    """
    setting, logits_column = bench.setting, edges.shape[1] - 1
    columns = np.repeat(edges[None, :, logits_column], len(sender_rows), axis=0)
    columns[np.arange(len(sender_rows)), list(sender_rows)] = False
    values, effects = [], []
    yield from bench.prepare()
    for batch, run, reference in bench.batch_runs():
        replaced = bench.batch_interventions(batch, run, interventions or {})
        value = setting.compute_metric(run.logits(edges, replaced), batch, reference).double().cpu().numpy()
        batch_effects = np.zeros((len(sender_rows), len(batch)))
        if len(sender_rows):
            for variants, logits in run.variants(edges, logits_column, columns, replaced):
                metrics = setting.compute_metric_of_copies(logits, batch, reference).cpu().numpy()
                batch_effects[variants.start : variants.stop] = value[None] - metrics
        values.append(value)
        effects.append(batch_effects)
        passes_done = pass_index[0] + sum(len(v) for v in values) / len(setting.task)
        yield Progress(passes_done, pass_index[1], message)
    return np.concatenate(values), np.concatenate(effects, axis=1)
