"""A model with the prompt pairs of a task, ready for measurements, readings and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from circuitviz import discovery, evaluation, features, lens, models, tasks
from circuitviz.document.origin import TaskOrigin
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Evaluation, Graph, Interventions
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.names import split_span
from circuitviz.progress import ProgressSteps, run_to_completion

QUICK_PROMPTS = 8  # prompts of the quick exact value
MAX_BASIS_BENCHES = 6  # benches of graphs with features: of the quick prompts and of all, for three graphs


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
