"""What jobs share: the model, its task, and the benches that circuits are measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from circuitviz.cancellation import run_in_background
from circuitviz.errors import InputError
from circuitviz.graph import Graph, Scores
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.libraries import load_transformer_lens
from circuitviz.workbench.requests.messages import ModelReady, Reply, Request, report_progress

if TYPE_CHECKING:
    from circuitviz.evaluation import FaithfulnessBench

QUICK_PROMPTS = 8  # prompts of the quick exact value
MAX_BASIS_BENCHES = 6  # benches of opened circuits: a few prompts and all, of the last three bases


class Engine:
    """Owns the model, the task and the benches. Free of Qt; torch comes with the first request."""

    def __init__(self) -> None:
        self.model: Any = None
        self.task: Any = None
        self.setting: Any = None
        self.quick_bench: Any = None
        self.full_bench: Any = None
        self.partial_result: Reply | None = None
        self.dictionary_store: Any = None  # dictionaries that are open (jobs/features.py)
        self.prompt_session: Any = (
            None  # the prompt that queries about features are asked of (`open_prompt_session`)
        )
        self.open_requirements: tuple[object, ...] = ()  # of the circuit that the open task is of
        self._device = ""
        self._intervention_benches: dict[bool, FaithfulnessBench] = {}
        self._basis_benches: dict[tuple[object, ...], FaithfulnessBench] = {}

    def execute(self, request: Request) -> Iterator[Reply]:
        """Replies to a request, one after another."""
        return request.execute(self)

    @property
    def is_open(self) -> bool:
        """Whether there is a model and a task to read."""
        return self.model is not None and self.task is not None

    def require_open(self, needs_task: bool = True) -> None:
        """InputError where no model is open, or no task where one is needed."""
        if self.model is None or (needs_task and self.task is None and self.prompt_session is None):
            raise InputError("No model is open yet; find a circuit first, or open its file.")
        if needs_task and self.task is None:
            raise InputError(
                "This needs pairs of prompts, and the open circuit is of features on a single prompt; "
                "find a circuit of heads on a task first."
            )

    def can_measure(self, requirements: tuple[object, ...], graph: Graph) -> bool:
        """Whether a circuit can be measured on what is open: it was asked of this very model and task.

        requirements: its ``Origin.requirements``; empty where nothing is known of it but its graph.
        """
        if requirements:
            return requirements == self.open_requirements
        return self.model is not None and bool(graph.shape == self.model.shape)

    def open_model(self, name: str, device: str) -> Iterator[Reply]:
        """Open a model, unless it is open already."""
        if self.model is not None and (self.model.name, self._device) == (name, device):
            return
        self.model = yield from report_progress(
            "Loading the model", load_model_in_background(name, device), name
        )
        self._device = device
        self.task = self.prompt_session = None
        self.open_requirements = ()

    def set_task(self, task: Any, metric: str | None, ablation: str) -> None:
        """Take a task up: a bench of a few prompts for the quick value, one of all."""
        from circuitviz.discovery import make_setting
        from circuitviz.evaluation import FaithfulnessBench

        self.setting = make_setting(self.model, task, metric, ablation)
        few = make_setting(
            self.model, task.subset(range(min(QUICK_PROMPTS, len(task)))), self.setting.metric, ablation
        )
        self.task, self.quick_bench, self.full_bench = (
            task,
            FaithfulnessBench(few),
            FaithfulnessBench(self.setting),
        )
        self._intervention_benches, self._basis_benches, self.open_requirements = {}, {}, ()

    def bench(
        self,
        is_quick: bool,
        allow_interventions: bool,
        graph: Graph | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> FaithfulnessBench:
        """The bench of a few prompts or of all; ``allow_interventions``: the one that nodes are changed on.

        graph: the circuit's, with the ``options`` that it was found with: where it has sites opened into
        features, it is measured on a bench of its own.
        """
        from circuitviz.evaluation import FaithfulnessBench

        plain = self.quick_bench if is_quick else self.full_bench
        if graph is not None and (sites := feature_sites(graph)):
            given = options or {}
            key = (is_quick, *sites.items(), given.get("dictionaries", ""), given.get("errors", ""))
            if key not in self._basis_benches:
                from circuitviz.evaluation import make_bench

                if len(self._basis_benches) >= MAX_BASIS_BENCHES:
                    self._basis_benches.pop(next(iter(self._basis_benches)))
                self._basis_benches[key] = make_bench(plain.setting, graph, given)
            return self._basis_benches[key]
        if not allow_interventions:
            return plain
        if is_quick not in self._intervention_benches:
            self._intervention_benches[is_quick] = FaithfulnessBench(plain.setting, allow_interventions=True)
        return self._intervention_benches[is_quick]

    def full_bench_for(self, scores: Scores) -> FaithfulnessBench:
        """The bench of all prompts for circuits that are chosen from scores."""
        return self.bench(False, False, scores.graph, scores.options)

    def model_ready(self, warning: str = "") -> ModelReady:
        """What is open now."""
        return ModelReady(
            self.model.name,
            str(self.model.device),
            self.task.name,
            self.setting.metric,
            self.setting.ablation,
            tuple(pair.clean for pair in self.task.pairs),
            self.model.graph.n_edges,
            warning,
            int(self.task.lengths.max()),
        )


def load_model_in_background(name: str, device: str) -> ProgressSteps[Any]:
    """Open a model in the background, once its libraries are there."""
    return (yield from run_in_background(_load_model_and_libraries(name, device)))


def _load_model_and_libraries(name: str, device: str) -> ProgressSteps[Any]:
    yield Progress(0, 1, name)
    load_transformer_lens()
    from circuitviz.models import load_model_steps

    return (yield from load_model_steps(name, device))
