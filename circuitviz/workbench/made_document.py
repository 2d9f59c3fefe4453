"""A document of a circuit that a script has found, as a search in the window leaves one."""

from __future__ import annotations

from circuitviz import models, tasks
from circuitviz.document import Document, State
from circuitviz.graph import Circuit, Scores
from circuitviz.workbench.record_origin import record_origin


def make_document(
    model: models.Model,
    task: tasks.Task,
    scores: Scores,
    circuit: Circuit,
    metric: str | None = None,
    ablation: str = "corrupted",
    select: str = "greedy",
    requested: float | None = None,
    task_name: str | None = None,
) -> Document:
    """Make a document, which can be changed by commands, measured with ``open`` and saved.

    Args:
        model: The model.
        task: The task.
        scores: The scores that the circuit was chosen from.
        circuit: The circuit.
        metric: Name of the metric that scores were found with; the task's own by default.
        ablation: Name of the ablation that scores were found with.
        select: How the circuit was chosen from the scores.
        requested: The number of edges, or the threshold, that was asked for; the circuit's own by default.
        task_name: The file that the task was read from; the task's name by default.
    """
    amount = circuit.requested_edges if requested is None and select != "own" else requested
    origin = record_origin(
        model, task, scores, metric or task.metric, ablation, select, amount, 0.0, task_name
    )
    return Document(State(origin, scores, circuit))
