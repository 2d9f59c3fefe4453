"""What requests share: the open model, the experiment on its task, and the open prompt."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from circuitviz import discovery, evaluation, models, tasks
from circuitviz.cancellation import run_in_background
from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.errors import InputError
from circuitviz.graph import Graph, TaskCheck
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.libraries import load_transformer_lens
from circuitviz.workbench.requests.messages import (
    ModelReady,
    ModelReleased,
    Reply,
    Request,
    report_progress,
)
from circuitviz.workbench.task_experiment import TaskExperiment

if TYPE_CHECKING:
    from circuitviz.workbench.prompt_session import PromptSession

NO_MODEL_MESSAGE = "No model is open yet; find a circuit first, or open its file."


@dataclass(eq=False)
class SharedParts:
    """What the engines of several tabs share.

    Attributes:
        engines: Those that may have a model open.
        dictionary_store: Dictionaries that are open (`requests/feature_dashboards.py`), of one model.
        collect_garbage: Destroys all objects that only refer to one another, such as a released model's. The
            window does so on its own thread, because widgets may be among them.
        task_passes: What models make of tasks, for estimates and checks; made with the first of them.
        is_busy: Whether an engine has work that is not done: its model is not released meanwhile.
    """

    engines: list[Engine] = field(default_factory=list)
    is_busy: Callable[[Engine], bool] = lambda _engine: False
    dictionary_store: Any = None
    collect_garbage: Callable[[], object] = gc.collect

    @cached_property
    def task_passes(self) -> discovery.TaskPasses:
        """The passes that were made: torch comes with the first."""
        return discovery.TaskPasses()


class Engine:
    """Has the model, the task and the benches of one tab. Free of Qt; torch comes with the first request.

    Args:
        shared: What it shares with the engines of other tabs; by default there are none.
        tab: The number of its tab.

    Attributes:
        experiment: The task that is open on the model; None: no task is.
        prompt_session: The prompt that queries about features are asked of (`open_prompt_session`).
        partial_result: What a search had when it was cancelled or failed.
    """

    def __init__(self, shared: SharedParts | None = None, tab: int | None = None) -> None:
        self.shared = shared or SharedParts()
        self.shared.engines.append(self)
        self.tab, self.last_use = tab, 0
        self.experiment: TaskExperiment | None = None
        self.prompt_session: PromptSession | None = None
        self.partial_result: Reply | None = None
        self._model: models.Model | None = None
        self._device = ""

    def execute(self, request: Request) -> Generator[Reply, None, None]:
        """Replies to a request, one after another; to close it ends the computation."""
        yield from request.execute(self)

    @property
    def dictionary_store(self) -> Any:
        """Dictionaries that are open, for whichever tab; None where none are."""
        return self.shared.dictionary_store

    @dictionary_store.setter
    def dictionary_store(self, store: Any) -> None:
        self.shared.dictionary_store = store

    @property
    def device(self) -> str:
        """The device that the model was asked for on, which may be ``auto``."""
        return self._device

    @property
    def is_model_open(self) -> bool:
        """Whether there is a model."""
        return self._model is not None

    def is_model(self, name: str, device: str, dtype: str) -> bool:
        """Whether the model of this name is open on this device and in this precision."""
        if self._model is None:
            return False
        wanted = self._model.auto_dtype if dtype == AUTO_DTYPE else dtype
        return (self._model.name, self._device, self._model.dtype) == (name, device, wanted)

    def find_model(self, name: str, device: str, dtype: str) -> models.Model | None:
        """The model of this name, whichever tab has it open; None where none has."""
        engines = (self, *self.shared.engines)
        return next((engine._model for engine in engines if engine.is_model(name, device, dtype)), None)

    @property
    def is_open(self) -> bool:
        """Whether there is a model and a task to read."""
        return self._model is not None and self.experiment is not None

    @property
    def model(self) -> models.Model:
        """The open model; InputError where none is."""
        if self._model is None:
            raise InputError(NO_MODEL_MESSAGE)
        return self._model

    @model.setter
    def model(self, model: models.Model) -> None:
        self._model = model

    @property
    def task(self) -> tasks.Task:
        """The open task; InputError where none is."""
        return self.require_experiment().task

    @property
    def setting(self) -> discovery.TaskSetting:
        """Model, task, metric and ablation that are open; InputError where no task is."""
        return self.require_experiment().setting

    @property
    def open_requirements(self) -> tuple[object, ...]:
        """The requirements of the circuit that the task was opened for; empty where nobody knows."""
        return () if self.experiment is None else self.experiment.requirements

    def require_open(self, needs_task: bool = True) -> None:
        """InputError where no model is open, or no task where one is needed."""
        if self._model is None or (needs_task and self.experiment is None and self.prompt_session is None):
            raise InputError(NO_MODEL_MESSAGE)
        if needs_task and self.experiment is None:
            raise InputError(
                "This needs pairs of prompts, and the open circuit is of features on a single prompt; "
                "find a circuit of heads on a task first."
            )

    def require_experiment(self) -> TaskExperiment:
        """The experiment on the open task; InputError where none is open."""
        self.require_open()
        assert self.experiment is not None
        return self.experiment

    def can_measure(self, requirements: tuple[object, ...], graph: Graph) -> bool:
        """Whether a circuit can be measured on what is open: it was asked of this very model and task.

        requirements: its ``Origin.requirements``; empty where nothing is known of it but its graph.
        """
        if requirements:
            return requirements == self.open_requirements
        return self._model is not None and bool(graph.shape == self._model.shape)

    def open_model(self, name: str, device: str, dtype: str) -> Iterator[Reply]:
        """Open a model, unless it is open already; one that another tab has open is used as it is."""
        if self.is_model(name, device, dtype):
            return
        model = self.find_model(name, device, dtype)
        if model is None:
            loaded = yield from self._load_model(name, device, dtype)
            model = self.find_model(name, device, dtype) or loaded  # another tab may have loaded it meanwhile
        self.release_model()
        self._model, self._device = model, device

    def _load_model(self, name: str, device: str, dtype: str) -> Generator[Reply, None, models.Model]:
        """Load a model; where memory is short, the least recently used of other tabs make room."""
        while True:
            try:
                loading = load_model_in_background(name, device, dtype)
                return (yield from report_progress("Loading the model", loading, name))
            except models.MemoryShortError as error:
                if not (yield from self._make_room(error)):
                    raise

    def _make_room(self, shortage: models.MemoryShortError) -> Generator[Reply, None, bool]:
        """Release models that no job needs, the least recently used first, until memory suffices.

        Each release is told at once: the job may be cancelled, or step aside, as early as in collecting.

        Returns:
            Whether any model was released.
        """
        is_released = False
        while group := self._least_recent_users():
            name = group[0].model.name
            for engine in group:
                engine.release_model()
            is_released = True
            yield ModelReleased(name, tuple(engine.tab for engine in group if engine.tab is not None))
            self.shared.collect_garbage()
            models.free_device_memory(shortage.devices)
            if shortage.is_over:
                break
        return is_released

    def _least_recent_users(self) -> list[Engine]:
        """The engines of the model of other tabs that was used longest ago and that no job needs; or none."""
        users: dict[int, list[Engine]] = {}
        for engine in self.shared.engines:
            if engine._model is not None and engine is not self:
                users.setdefault(id(engine._model), []).append(engine)
        idle = [group for group in users.values() if not any(map(self.shared.is_busy, group))]
        return min(idle, key=lambda engines: max(engine.last_use for engine in engines), default=[])

    def release_model(self) -> None:
        """Let go of the model, the task and the prompt."""
        self._model = None
        self.experiment = self.prompt_session = None
        store, models_in_use = self.dictionary_store, [other._model for other in self.shared.engines]
        if store is not None and all(model is not store.model for model in models_in_use):
            store.close()
            self.dictionary_store = None

    def close(self) -> None:
        """Let go of everything: the tab is closed."""
        self.shared.engines.remove(self)
        self.release_model()

    def open_prompts_model(self, name: str, device: str, dtype: str) -> Iterator[Reply]:
        """Open a model for own prompts, which are of no tab, unless a tab has it open."""
        if self.find_model(name, device, dtype) is None:
            yield from self.open_model(name, device, dtype)

    def set_task(self, task: tasks.Task, metric: str | None, ablation: str) -> None:
        """Take up a task, of which no circuit is known yet."""
        self.set_experiment(TaskExperiment(self.model, task, metric or None, ablation))

    def set_experiment(self, experiment: TaskExperiment) -> None:
        """Take up a task with its benches: of a few prompts for the quick value, and of all.

        Raises:
            InputError: Metric or ablation do not suit the task.
        """
        experiment.bench(is_quick=True)
        experiment.bench()
        self.experiment = experiment

    def check_task(self) -> Generator[Reply, None, TaskCheck]:
        """Measure whether the model does the open task, with the prompts that were run before."""
        setting = self.setting
        task_pass = self.shared.task_passes.find(setting)
        steps = evaluation.check_task_steps(setting.model, setting.task, setting.metric, task_pass)
        return (yield from report_progress("Checking the task", steps))

    def model_ready(self) -> ModelReady:
        """What is open now, with the warnings of opening it."""
        experiment = self.require_experiment()
        return ModelReady(
            self.model.name,
            self.model.placement.text,
            experiment.task.name,
            experiment.setting.metric,
            experiment.setting.ablation,
            tuple(pair.clean for pair in experiment.task.pairs),
            self.model.graph.n_edges,
            " ".join(experiment.warnings),
            int(experiment.task.on_host.lengths.max()),
            self.model.dtype,
            self.device,
        )


def load_model_in_background(name: str, device: str, dtype: str) -> ProgressSteps[models.Model]:
    """Open a model in the background, once its libraries are there."""
    return (yield from run_in_background(_load_model_and_libraries(name, device, dtype)))


def _load_model_and_libraries(name: str, device: str, dtype: str) -> ProgressSteps[models.Model]:
    yield Progress(0, 1, name)
    load_transformer_lens()
    return (yield from models.load_model_steps(name, device, dtype))
