"""What jobs share: the model, its task, and the benches that circuits are measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from circuitviz.errors import InputError
from circuitviz.graph import Graph, Scores
from circuitviz.graph.opened import opened_sites
from circuitviz.jobs.libraries import load_transformer_lens
from circuitviz.jobs.messages import Ready, Reply, Request, moving
from circuitviz.progress import Progress, Steps
from circuitviz.stopping import in_background

SMALL = 8  # prompts of the quick exact value
KEPT = 6  # benches of opened circuits: a few prompts and all, of the last three bases


class Engine:
    """Owns the model, the task and the benches. Free of Qt; torch comes with the first request."""

    def __init__(self) -> None:
        self.model: Any = None
        self.task: Any = None
        self.where: Any = None
        self.small: Any = None
        self.whole: Any = None
        self.kept: Reply | None = None
        self.shelf: Any = None  # dictionaries that are open (jobs/features.py)
        self.prompted: Any = None  # the prompt that questions about features are asked of (jobs/prompted.py)
        self.opened_for: tuple[object, ...] = ()  # Provenance.opening of the circuit that task is of
        self._device = ""
        self._free: dict[bool, Any] = {}
        self._opened: dict[tuple[object, ...], Any] = {}

    def answer(self, request: Request) -> Iterator[Reply]:
        """Replies to a request, one after another."""
        return request.answer(self)

    @property
    def opened(self) -> bool:
        """Whether there is a model and a task to read."""
        return self.model is not None and self.task is not None

    def need(self, task: bool = True) -> None:
        """InputError where no model is open, or no task where one is needed."""
        if self.model is None or (task and self.task is None and self.prompted is None):
            raise InputError("No model is open yet; find a circuit first, or open its file.")
        if task and self.task is None:
            raise InputError(
                "This needs pairs of prompts, and the open circuit is of features on a single prompt; "
                "find a circuit of heads on a task first."
            )

    def serves(self, opening: tuple[object, ...], graph: Graph) -> bool:
        """Whether a circuit can be measured on what is open: it was asked of this very model and task.

        opening: its ``Provenance.opening``; empty where nothing is known of it but its graph.
        """
        if opening:
            return opening == self.opened_for
        return self.model is not None and bool(graph.shape == self.model.shape)

    def load(self, name: str, device: str) -> Iterator[Reply]:
        """Open a model, unless it is open already."""
        if self.model is not None and (self.model.name, self._device) == (name, device):
            return
        self.model = yield from moving("Loading the model", loading(name, device), name)
        self._device = device
        self.task = self.prompted = None
        self.opened_for = ()

    def set_task(self, task: Any, metric: str | None, ablation: str) -> None:
        """Take a task up: a bench of a few prompts for the quick value, one of all."""
        from circuitviz.discovery import setting
        from circuitviz.evaluation import Bench

        self.where = setting(self.model, task, metric, ablation)
        few = setting(self.model, task.subset(range(min(SMALL, len(task)))), self.where.metric, ablation)
        self.task, self.small, self.whole = task, Bench(few), Bench(self.where)
        self._free, self._opened, self.opened_for = {}, {}, ()

    def bench(
        self, small: bool, free: bool, graph: Graph | None = None, options: Mapping[str, Any] | None = None
    ) -> Any:
        """The bench of a few prompts or of all; ``free``: the one that nodes are changed on.

        graph: the circuit's, with the ``options`` that it was found with: where it has sites opened into
        features, it is measured on a bench of its own.
        """
        from circuitviz.evaluation import Bench

        plain = self.small if small else self.whole
        if graph is not None and (sites := opened_sites(graph)):
            given = options or {}
            key = (small, *sites.items(), given.get("dictionaries", ""), given.get("errors", ""))
            if key not in self._opened:
                from circuitviz.evaluation import bench_of

                if len(self._opened) >= KEPT:
                    self._opened.pop(next(iter(self._opened)))
                self._opened[key] = bench_of(plain.setting, graph, given)
            return self._opened[key]
        if not free:
            return plain
        if small not in self._free:
            self._free[small] = Bench(plain.setting, free=True)
        return self._free[small]

    def bench_of(self, scores: Scores) -> Any:
        """The bench of all prompts for circuits that are chosen from scores."""
        return self.bench(False, False, scores.graph, scores.options)

    def ready(self, warning: str = "") -> Ready:
        """What is open now."""
        return Ready(
            self.model.name,
            str(self.model.device),
            self.task.name,
            self.where.metric,
            self.where.ablation,
            tuple(pair.clean for pair in self.task.pairs),
            self.model.graph.n_edges,
            warning,
            int(self.task.lengths.max()),
        )


def loading(name: str, device: str) -> Steps[Any]:
    """Open a model in the background, once its libraries are there."""
    return (yield from in_background(_loading(name, device)))


def _loading(name: str, device: str) -> Steps[Any]:
    yield Progress(0, 1, name)
    load_transformer_lens()
    from circuitviz.models import load_model_steps

    return (yield from load_model_steps(name, device))
