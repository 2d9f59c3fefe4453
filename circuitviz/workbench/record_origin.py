"""From a model and a task to the origin that a document keeps, and back to the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from circuitviz import models, tasks
from circuitviz.document.origin import Origin, PromptOrigin, TaskOrigin
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.graph.scores import IMPORTED_METHOD
from circuitviz.versions import describe_machine, package_version

if TYPE_CHECKING:
    from circuitviz.graph import Circuit, Scores

RECORDED_PACKAGES = (
    *("circuitviz", "torch", "transformer-lens", "transformers", "tokenizers", "sae-lens"),
    *("numpy", "safetensors", "networkx"),
)


def describe_versions() -> dict[str, str]:
    """Versions of the packages that numbers may depend on."""
    return {name: package_version(name) for name in RECORDED_PACKAGES}


def record_origin(
    model: models.Model,
    task: tasks.Task,
    scores: Scores,
    metric: str,
    ablation: str,
    select: str,
    requested: float | None,
    seconds: float,
    task_name: str | None = None,
) -> TaskOrigin:
    """Write down where scores come from. ``task_name`` is the file a task was read from."""
    origin = record_method_origin(
        model, task, scores.method, scores.options, metric, ablation, select, requested, seconds, task_name
    )
    return replace(origin, by_span=scores.graph.spans is not None)


def record_method_origin(
    model: models.Model,
    task: tasks.Task,
    method: str,
    options: Mapping[str, Any],
    metric: str,
    ablation: str,
    select: str,
    requested: float | None,
    seconds: float,
    task_name: str | None = None,
) -> TaskOrigin:
    """The same for a method and its options by name."""
    pairs = tuple(
        (p.clean, p.corrupted, p.correct, p.incorrect, *([p.spans] if p.spans else ())) for p in task.pairs
    )
    return TaskOrigin(
        model=model.name,
        weight_hash=model.weight_hash,
        task=task_name or task.name,
        task_hash=task.hash,
        pairs=pairs,
        metric=metric,
        ablation=ablation,
        method=method,
        options=dict(options),
        select=select,
        requested=requested,
        prompts=len(task),
        seed=task.seed,
        bos=task.bos,
        task_options=dict(task.options),
        versions=describe_versions(),
        machine=describe_machine(model.placement.text),
        seconds=round(seconds, 3),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dtype=model.dtype,
        constants=task.constants.learned if ablation == models.OPTIMAL_ABLATION else None,
    )


def select_circuit(
    model: models.Model,
    task: tasks.Task,
    scores: Scores,
    metric: str,
    ablation: str,
    select: str,
    requested: float,
    seconds: float,
    task_name: str | None = None,
) -> State:
    """A circuit chosen from scores, with its origin: what a search leaves, wherever it ran."""
    circuit = scores.select(select, requested)
    given = None if select == "own" else requested
    origin = record_origin(model, task, scores, metric, ablation, select, given, seconds, task_name)
    return State(origin, scores, circuit)


def require_task_origin(origin: Origin) -> TaskOrigin:
    """Return an origin that has a task; InputError where it has one prompt."""
    if isinstance(origin, PromptOrigin):
        raise InputError(
            f"This circuit is of features on one prompt ('{origin.query.prompt}'), and what was asked for "
            "needs a task's pairs of prompts; a circuit of heads on a task would be right."
        )
    return origin


def rebuild_task(origin: Origin, model: models.Model) -> tasks.Task:
    """Make a document's task again from its own prompts, for a model's tokenizer."""
    origin = require_task_origin(origin)
    if not origin.pairs:
        raise InputError("This document holds no prompts, so its task cannot be made again.")
    task = tasks.Task.from_pairs(
        origin.task,
        [tasks.PromptPair(*pair) for pair in origin.pairs],
        model.tokens,
        metric=origin.metric,
        seed=origin.seed,
        bos=origin.bos,
        options=dict(origin.task_options),
    )
    task.constants.learned = origin.constants
    return task


def describe_mismatch(origin: Origin, model: models.Model, circuit: Circuit | None = None) -> str:
    """What differs between a document and an opened model, in a sentence; empty where nothing.

    InputError where the circuit, if one is given, cannot be of this model, because its shape is another.
    """
    if circuit is not None and circuit.graph.shape != model.shape:
        ours, theirs = model.shape, circuit.graph.shape
        raise InputError(
            f"This circuit belongs to '{origin.model}', {theirs.description}; '{model.name}' has "
            f"{ours.description}. Open the model that it was found on."
        )
    if origin.dtype != model.dtype:
        return (
            f"This circuit was found with weights in {origin.dtype}, and those of '{model.name}' are open in "
            f"{model.dtype}, so its numbers will differ from the saved ones."
        )
    if origin.weight_hash and not model.accept_weight_hash(origin.weight_hash):
        lens = origin.versions.get("transformer-lens")
        if not models.is_stable_hash(origin.weight_hash) and lens != package_version("transformer-lens"):
            return (
                f"This circuit was found with TransformerLens {lens or 'of another version'}, and its file "
                f"does not tell whether on the weights of '{model.name}' as they are now; if not, its "
                "numbers will differ from the saved ones."
            )
        return (
            f"This circuit was found on other weights than those of '{model.name}', so its "
            "numbers will differ from the saved ones."
        )
    return ""


def record_imported_origin(
    model: models.Model, task: tasks.Task, metric: str, ablation: str, file: str, sign: str, task_name: str
) -> TaskOrigin:
    """Where an imported circuit is measured: ``file`` it was read from, ``sign`` as it was asked for."""
    options = {"file": file, "sign": sign}
    return record_method_origin(
        model, task, IMPORTED_METHOD, options, metric, ablation, "greedy", None, 0.0, task_name
    )
