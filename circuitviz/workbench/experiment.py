"""What a circuit's origin names, opened: model and prompts, ready for measurements, readings and claims.

The command line, the worker thread and scripts open an origin with `open_steps` and get a `TaskExperiment`
(prompt pairs of a task) or a `PromptExperiment` (one prompt with its features). What differs from what the
circuit was found on is said in `warnings`, in the same sentences everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

from circuitviz import features, models, tasks
from circuitviz.document.origin import Origin, PromptOrigin, TaskOrigin
from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.errors import InputError
from circuitviz.graph import Circuit
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.workbench.prompt_experiment import PromptExperiment
from circuitviz.workbench.prompt_session import PromptSession, open_prompt
from circuitviz.workbench.record_origin import describe_mismatch, rebuild_task
from circuitviz.workbench.task_experiment import TaskExperiment

OTHER_PROMPTS = "The prompts are tokenised differently than when this circuit was found."
OTHER_PROMPT = "The prompt or its dictionaries differ from those that this circuit was found with."

Experiment = TaskExperiment | PromptExperiment
"""What an origin names, opened."""


class OpenArguments(TypedDict, total=False):
    """What may be named beside an origin; `open_steps` says what each means."""

    device: str
    dtype: str | None
    circuit: Circuit | None
    model: str | models.Model | None
    task: str | tasks.Task | None
    prompts: int
    seed: int
    skip_unusable: bool
    metric: str | None
    ablation: str | None


def open_steps(
    origin: Origin | None,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    circuit: Circuit | None = None,
    model: str | models.Model | None = None,
    task: str | tasks.Task | None = None,
    prompts: int = 64,
    seed: int = 0,
    skip_unusable: bool = False,
    metric: str | None = None,
    ablation: str | None = None,
) -> ProgressSteps[Experiment]:
    """Open what an origin names, or another model or task, as a generator of progress.

    Args:
        origin: Where the circuit comes from; None where nobody knows: then model and task are to be named.
        device: ``cpu``, ``cuda`` or ``auto`` (``load_model``).
        dtype: The precision that weights are kept in, as for `load_model`; that of the origin by default.
        circuit: The circuit, which has to be of the model's shape.
        model: Name of another model than the origin's, or one that is open.
        task: Another task than the origin's, or its name or file; the origin's prompts by default.
        prompts: Number of prompts of a task that is named.
        seed: Seed of a task that is named.
        skip_unusable: Whether rows of a task file that cannot be used are left out.
        metric: Name of the metric; that of the origin by default, the task's own where another task is named.
        ablation: Name of the ablation; that of the origin by default.

    Returns:
        A generator whose result is a `PromptExperiment` for a `PromptOrigin` without another task, else a
        `TaskExperiment`.

    Raises:
        InputError: Model, task or dictionaries cannot be opened, or the circuit is not of the model's shape.
    """
    opened = yield from _open_model_steps(origin, device, dtype, model)
    if isinstance(origin, PromptOrigin) and task is None:
        return (yield from open_prompt_steps(origin, opened, circuit=circuit))
    if task is None:
        if not isinstance(origin, TaskOrigin):
            raise InputError("The circuit does not say which task it belongs to; name the task.")
        return open_task_origin(origin, opened, circuit=circuit, metric=metric, ablation=ablation)
    warnings = () if origin is None else _weight_warnings(origin, opened, circuit)
    if isinstance(task, str):
        task = tasks.load_task(task, opened, prompts, seed, skip_unusable=skip_unusable)
    where = ablation or (origin.ablation if origin is not None else "corrupted")
    return TaskExperiment(opened, task, metric, where, warnings=warnings)


def open(origin: Origin | None, **arguments: Unpack[OpenArguments]) -> Experiment:
    """Open what an origin names; arguments and errors are those of `open_steps`."""
    return run_to_completion(open_steps(origin, **arguments))


def open_task_origin(
    origin: TaskOrigin,
    model: models.Model,
    *,
    circuit: Circuit | None = None,
    metric: str | None = None,
    ablation: str | None = None,
) -> TaskExperiment:
    """Open the prompts of an origin on an open model; arguments and errors are those of `open_steps`."""
    warnings = _weight_warnings(origin, model, circuit)
    task = rebuild_task(origin, model)
    if task.hash != origin.task_hash:
        warnings += (OTHER_PROMPTS,)
    here = replace(origin, model=model.name, dtype=model.dtype)
    return TaskExperiment(model, task, metric or origin.metric, ablation or origin.ablation, here, warnings)


def open_prompt_steps(
    origin: PromptOrigin,
    model: models.Model,
    *,
    circuit: Circuit | None = None,
    dictionaries: Sequence[features.Dictionary] | None = None,
    session: PromptSession | None = None,
) -> ProgressSteps[PromptExperiment]:
    """Open the prompt of an origin on an open model, as a generator of progress.

    Args:
        origin: Where the circuit comes from.
        model: The model.
        circuit: The circuit, which has to be of the model's shape.
        dictionaries: Those that are open; read from the origin's folders by default.
        session: The origin's prompt, where it is open.

    Raises:
        InputError: The circuit is not of the model's shape, or a dictionary, prompt or target cannot be
        opened.
    """
    warnings = _weight_warnings(origin, model, circuit)
    query = replace(origin.query, model=model.name, dtype=model.dtype)
    if session is None:
        if not query.needs_dictionaries:
            dictionaries = ()
        if dictionaries is None:
            places = features.paths_or_shipped(query.dictionaries, model)
            dictionaries = yield from features.load_dictionaries_steps(places, model)
        session = open_prompt(model, query, dictionaries)
    else:
        session.set_target(query)
    experiment = PromptExperiment(replace(origin, query=query), session)
    if origin.task_hash and experiment.task_hash != origin.task_hash:
        warnings += (OTHER_PROMPT,)
    experiment.warnings = (*warnings, *session.warnings)
    return experiment


def _open_model_steps(
    origin: Origin | None, device: str, dtype: str | None, model: str | models.Model | None
) -> ProgressSteps[models.Model]:
    """Open the model that is named, or that of the origin; one that is open is returned as it is."""
    if model is None:
        if origin is None:
            raise InputError("The circuit does not say which model it belongs to; name the model.")
        model = origin.model
    if not isinstance(model, str):
        return model
    recorded = AUTO_DTYPE if origin is None else origin.dtype
    return (yield from models.load_model_steps(model, device, dtype or recorded))


def _weight_warnings(origin: Origin, model: models.Model, circuit: Circuit | None) -> tuple[str, ...]:
    """A sentence where the model's weights are others; InputError where its shape is another."""
    message = describe_mismatch(origin, model, circuit)
    return (message,) if message else ()
