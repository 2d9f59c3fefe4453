"""What a circuit's origin names, opened: model and prompts, ready for measurements, readings and claims.

The command line, the worker thread and scripts open an origin with `open_steps` and get a `TaskExperiment`
(prompt pairs of a task) or a `PromptExperiment` (one prompt with its features). What differs from what the
circuit was found on is said in `warnings`, in the same sentences everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypedDict, Unpack

from circuitviz import discovery, evaluation, features, lens, models, tasks
from circuitviz.document.origin import Origin, PromptOrigin, TaskOrigin
from circuitviz.document.state import State
from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Evaluation, Graph, Interventions
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.names import split_span
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.workbench.claim_inputs import prompt_pair_setting
from circuitviz.workbench.prompt_evaluation import (
    PromptEvaluationRequest,
    evaluate_prompt_request,
    open_bench,
)
from circuitviz.workbench.prompt_node_reading import PromptNodeReading, read_prompt_node
from circuitviz.workbench.prompt_session import PromptSession, open_prompt
from circuitviz.workbench.record_origin import describe_mismatch, rebuild_task

QUICK_PROMPTS = 8  # prompts of the quick exact value
MAX_BASIS_BENCHES = 6  # benches of graphs with features: of the quick prompts and of all, for three graphs
OTHER_PROMPTS = "The prompts are tokenised differently than when this circuit was found."
OTHER_PROMPT = "The prompt or its dictionaries differ from those that this circuit was found with."


@dataclass(eq=False)
class TaskExperiment:
    """A model with the prompt pairs of a task.

    Attributes:
        model: The model.
        task: The task.
        metric: Name of the metric; None: the task's own.
        ablation: Name of the ablation of everything outside a circuit.
        origin: Where the circuit comes from that this was opened for; None where it was found on another
            task, or nobody knows.
        warnings: What differs from what the circuit was found on, in sentences.
    """

    model: models.Model
    task: tasks.Task
    metric: str | None = None
    ablation: str = "corrupted"
    origin: TaskOrigin | None = None
    warnings: tuple[str, ...] = ()
    _benches: dict[tuple[bool, bool], evaluation.FaithfulnessBench] = field(default_factory=dict, repr=False)
    _basis_benches: dict[tuple[object, ...], evaluation.FaithfulnessBench] = field(
        default_factory=dict, repr=False
    )

    @cached_property
    def setting(self) -> discovery.TaskSetting:
        """Model, task, metric and ablation; InputError where metric or ablation do not suit the task."""
        return discovery.make_setting(self.model, self.task, self.metric, self.ablation)

    @property
    def requirements(self) -> tuple[object, ...]:
        """The requirements of the circuit that this was opened for; empty where nobody knows."""
        return () if self.origin is None else self.origin.requirements

    @property
    def task_hash(self) -> str:
        """Hash of the prompts as tokens, their answers and positions."""
        return self.task.hash

    @cached_property
    def dictionaries(self) -> Sequence[features.Dictionary]:
        """The dictionaries that the circuit was found with, or those of the demo model."""
        folders = () if self.origin is None else self.origin.dictionaries
        return features.load_dictionaries(features.paths_or_shipped(folders, self.model), self.model)

    @property
    def claim_setting(self) -> discovery.TaskSetting | None:
        """The setting in which claims of labels are tested."""
        return self.setting

    def bench(
        self,
        graph: Graph | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        is_quick: bool = False,
        allow_interventions: bool = False,
    ) -> evaluation.FaithfulnessBench:
        """Return the bench that circuits are measured on; it is made once.

        Args:
            graph: The graph of the circuits. One that shows sites in features, or has spans, has a bench of
                its own.
            options: Options of the method that found the circuits: dictionaries and error mode.
            is_quick: Whether the first `QUICK_PROMPTS` prompts are enough.
            allow_interventions: Whether nodes of the circuits may be made to write something else.

        Raises:
            InputError: Metric, ablation or error mode do not suit, or a dictionary is missing.
        """
        if graph is not None and ((sites := feature_sites(graph)) or graph.spans is not None):
            given = options or {}
            kind = is_quick, allow_interventions, graph.spans
            key = (*kind, *sites.items(), given.get("dictionaries", ""), given.get("errors", ""))
            if key not in self._basis_benches:
                setting = self.bench(is_quick=is_quick).setting
                if len(self._basis_benches) >= MAX_BASIS_BENCHES:
                    self._basis_benches.pop(next(iter(self._basis_benches)))
                self._basis_benches[key] = evaluation.make_bench(setting, graph, given, allow_interventions)
            return self._basis_benches[key]
        if (is_quick, allow_interventions) not in self._benches:
            setting = self._quick_setting if is_quick else self.setting
            self._benches[is_quick, allow_interventions] = evaluation.FaithfulnessBench(
                setting, allow_interventions
            )
        return self._benches[is_quick, allow_interventions]

    @cached_property
    def _quick_setting(self) -> discovery.TaskSetting:
        prompts = self.task.subset(range(min(QUICK_PROMPTS, len(self.task))))
        return discovery.make_setting(self.model, prompts, self.setting.metric, self.ablation)

    def evaluate_steps(
        self,
        circuit: Circuit,
        interventions: Interventions | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ProgressSteps[Evaluation]:
        """Measure a circuit's faithfulness over all prompts, as a generator of progress.

        Args:
            circuit: The circuit, measured exactly as it is given.
            interventions: What nodes are made to write instead of their own output, by name.
            options: Options of the method that found the circuit; those of the origin by default.

        Raises:
            InputError: The circuit is of a model of another shape, or the setting does not suit it.
        """
        evaluation.check_circuit_fits_model(self.model, circuit)
        given = ({} if self.origin is None else self.origin.options) if options is None else options
        bench = self.bench(circuit.graph, given, allow_interventions=bool(interventions))
        return bench.evaluate(circuit, interventions or {})

    def evaluate(self, circuit: Circuit, interventions: Interventions | None = None) -> Evaluation:
        """Measure a circuit's faithfulness over all prompts; arguments and errors are `evaluate_steps`'s."""
        return run_to_completion(self.evaluate_steps(circuit, interventions))

    def evaluate_state_steps(self, state: State) -> ProgressSteps[Evaluation]:
        """Measure a document's state: its circuit without what is ablated, with its changed nodes."""
        if state.live_circuit is None:
            raise InputError("There is no circuit to measure; find or import one first.")
        return self.evaluate_steps(state.live_circuit, state.active_interventions, state.method_options)

    @cached_property
    def ablation_values(self) -> discovery.AblationValues:
        """Ablation values of all senders; a mean is taken once over the task."""
        return discovery.ablation_values(self.model, self.setting.task, self.setting.ablation)

    def read(
        self, node: str, prompt: int = 0, graph: Graph | None = None, options: Mapping[str, Any] | None = None
    ) -> lens.NodeReading:
        """Read a node on one prompt: logit lens, direct logit attribution, attention.

        Args:
            node: Name of the node.
            prompt: Number of the prompt in the task.
            graph: The circuit's graph, for features and errors of sites that it shows in features.
            options: Options of the method that found the circuit: dictionaries and error mode.

        Raises:
            InputError: There is no such node or prompt.
        """
        is_in_model = split_span(node)[0] in self.model.graph.node_index
        if is_in_model or graph is None or node not in graph.node_index or not feature_sites(graph):
            return lens.read_node(self.model, self.task, node, prompt)
        bench = self.bench(graph, options, is_quick=True)
        assert isinstance(bench, evaluation.FeatureBasisBench)
        return features.read_basis_node(bench.basis, self.task, graph.node(node), prompt)


@dataclass(eq=False)
class PromptExperiment:
    """A model with one prompt and its nodes.

    Attributes:
        origin: The query, and where the circuit comes from that this was opened for.
        session: The open prompt.
        warnings: What differs from what the circuit was found on, and dictionaries that do not fit the model,
            in sentences.
    """

    origin: PromptOrigin
    session: PromptSession
    warnings: tuple[str, ...] = ()

    @property
    def model(self) -> models.Model:
        """The model."""
        return self.session.table.run.model

    @property
    def requirements(self) -> tuple[object, ...]:
        """The requirements of the circuit that this was opened for."""
        return self.origin.requirements

    @property
    def task_hash(self) -> str:
        """Hash of what a measurement depends on beside the edges: tokens, target and dictionaries."""
        return self.session.query_hash(self.origin.query)

    @property
    def dictionaries(self) -> Sequence[features.Dictionary]:
        """The dictionaries that were opened with the prompt."""
        return self.session.dictionaries

    @cached_property
    def claim_setting(self) -> discovery.TaskSetting | None:
        """The prompt with its corrupted partner as a task of one pair; None where it has none."""
        return prompt_pair_setting(self.origin.query, self.model)

    def bench(self) -> features.PromptBench:
        """Return the bench that circuits of the prompt are measured on; it is made once for each target."""
        self.session.set_target(self.origin.query)
        return open_bench(self.session)

    def evaluate(self, circuit: Circuit, interventions: Interventions | None = None) -> Evaluation:
        """Measure a circuit's faithfulness on the prompt, judged by its nodes.

        Args:
            circuit: A circuit of the prompt's nodes.
            interventions: What nodes are made to write instead of their own output, by name.
        """
        state = State(self.origin, circuit=circuit, interventions=interventions or {})
        return run_to_completion(self.evaluate_state_steps(state))

    def evaluate_state_steps(self, state: State) -> ProgressSteps[Evaluation]:
        """Measure a document's state: its circuit without what is ablated, with its changed nodes."""
        request = PromptEvaluationRequest.from_state(replace(state, origin=self.origin))
        if request is None:
            raise InputError("There is no circuit to measure; find or import one first.")
        self.session.set_target(request.query)
        return evaluate_prompt_request(self.session, request)

    def read(self, node: str) -> PromptNodeReading:
        """Read a node of the prompt: its activation, its share of its site, a feature's tokens."""
        return read_prompt_node(self.session, node)


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
        device: ``cpu`` or ``cuda``.
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
