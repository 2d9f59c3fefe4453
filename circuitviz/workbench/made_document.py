"""A document of a circuit that a script has found, as a search in the window leaves one."""

from __future__ import annotations

from dataclasses import replace

from circuitviz import features, models, tasks
from circuitviz.document import Document, State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import Circuit, Scores
from circuitviz.progress import run_to_completion
from circuitviz.workbench.prompt_session import open_prompt
from circuitviz.workbench.record_origin import record_imported_origin, record_origin


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


def make_imported_document(
    model: models.Model,
    task: tasks.Task,
    circuit: Circuit,
    scores: Scores | None = None,
    metric: str | None = None,
    ablation: str = "corrupted",
    file: str = "",
    sign: str = "auto",
    task_name: str | None = None,
) -> Document:
    """Make a document of a circuit that another tool has found, measured on a model and a task.

    Args:
        model: The model.
        task: The task.
        circuit: The circuit.
        scores: The other tool's scores, where there are any.
        metric: Name of the metric; the task's own by default.
        ablation: Name of the ablation.
        file: Name of the file that it was read from.
        sign: How the sign of the scores was asked for.
        task_name: The file that the task was read from; the task's name by default.
    """
    origin = record_imported_origin(
        model, task, metric or task.metric, ablation, file, sign, task_name or task.name
    )
    return Document(State(origin, scores, circuit))


def find_prompt_circuit(query: AttributionQuery, model: models.Model | None = None) -> Document:
    """Find the circuit that answers a query about one prompt.

    Args:
        query: The query.
        model: The model, where it is open; that of the query is opened by default.

    Raises:
        InputError: The model, a dictionary, the prompt or the target cannot be opened, or no node is kept.
    """
    opened = models.load_model(query.model, dtype=query.dtype) if model is None else model
    places = features.paths_or_shipped(query.dictionaries, opened) if query.needs_dictionaries else ()
    dictionaries = features.load_dictionaries(places, opened) if query.needs_dictionaries else ()
    session = open_prompt(opened, replace(query, model=opened.name, dtype=opened.dtype), dictionaries)
    found = run_to_completion(session.find_circuit(session.query))
    return Document(State(found.origin, found.scores, found.circuit))
