"""A feature's circuits over many examples, on the worker: found in a text, traced one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz import features
from circuitviz.errors import InputError
from circuitviz.features import explanations
from circuitviz.graph import TraceSet
from circuitviz.progress import ProgressRunner, ProgressSteps
from circuitviz.workbench.requests.feature_dashboards import load_passages, require_dictionaries
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

INDEXED_TEXT, TASK_PROMPTS, TEXT_FILE, DASHBOARD_FILE = (
    "indexed text",
    "this task’s prompts",
    "text file",
    "dashboard file",
)
N_FIT_PROMPTS = 2  # rows, the longest ones, that show in which form a dictionary fits the model
EXAMPLE_SOURCES = (INDEXED_TEXT, TASK_PROMPTS, TEXT_FILE, DASHBOARD_FILE)


@dataclass(frozen=True)
class TraceCollection:
    """Traces, which stay with the document, and what they are of.

    That is where the examples come from, the dictionaries' folders, and about how many nodes a circuit has.
    """

    traces: TraceSet
    source: str
    model: str
    dictionaries: tuple[str, ...]
    nodes_per_circuit: int

    @property
    def label(self) -> str:
        """How it is told from others."""
        return f"{self.traces.target} · {self.source}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as documents keep it."""
        return {
            "traces": self.traces.as_dict(),
            "source": self.source,
            "model": self.model,
            "dictionaries": list(self.dictionaries),
            "nodes": self.nodes_per_circuit,
        }

    @staticmethod
    def from_dict(given: Mapping[str, Any]) -> TraceCollection:
        """What was kept; InputError where it cannot be read."""
        try:
            folders = tuple(map(str, given["dictionaries"]))
            where = str(given["source"]), str(given["model"]), folders, int(given["nodes"])
            return TraceCollection(TraceSet.from_dict(given["traces"]), *where)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Traces in this file cannot be read ({type(error).__name__}: {error}); collect them anew."
            ) from None


@dataclass(frozen=True)
class CollectTraces(Query):
    """Find examples of a feature and trace its circuit in each.

    source: one of ``EXAMPLE_SOURCES``; path: of the file, where it is one; most: how many examples; choose:
    ``spread`` over activations or the ``strongest``; nodes: about so many a circuit.
    """

    title = "Could not collect traces"
    activity = "Collecting traces"
    priority = Priority.COLLECT_TRACES
    needs_task = False

    site: str
    feature: int
    source: str
    path: Path | None
    max_examples: int = 30
    selection: str = "spread"
    nodes_per_circuit: int = 200

    def check_input(self, engine: Engine) -> None:
        """InputError where no dictionary of the site is open, or the file holds no examples."""
        store = engine.dictionary_store
        if store is not None and store.model is engine.model:
            self._require_dictionary(store)
        if self.path is not None and self.source == DASHBOARD_FILE:
            explanations.read_example_texts(self.path, self.site, self.feature)
        elif self.path is not None and self.source == TEXT_FILE:
            features.read_text_file(self.path)

    def compute_steps(self, engine: Engine) -> ProgressSteps[TraceCollection]:
        """What is traced so far, then all."""
        opened = yield from require_dictionaries(engine)
        model, folders = opened.model, opened.folders
        one = self._require_dictionary(opened)
        named = self.source if self.path is None else self.path.name
        rows = self._example_prompts(engine, opened)
        some = [features.run_prompt(model, row) for row in sorted(rows, key=len)[-N_FIT_PROMPTS:]]
        every, _ = features.fit_dictionaries(list(opened.dictionaries.values()), some)
        one = next(fitting for fitting in every if fitting.site.name == self.site)
        examples = yield from features.find_examples_steps(
            model, one, self.feature, rows, self.max_examples, self.selection
        )
        steps = ProgressRunner(
            features.trace_examples_steps(
                model, every, self.site, self.feature, examples, self.nodes_per_circuit
            )
        )
        for step in steps:
            found = None
            if isinstance(step.partial, TraceSet):
                found = TraceCollection(step.partial, named, model.name, folders, self.nodes_per_circuit)
            yield replace(step, partial=found)
        return TraceCollection(steps.result, named, model.name, folders, self.nodes_per_circuit)

    def _require_dictionary(self, opened: Any) -> features.Dictionary:
        one: features.Dictionary | None = opened.dictionaries.get(self.site)
        if one is None:
            raise InputError(
                f"No dictionary of {self.site} is open; there is one of {', '.join(opened.dictionaries)}."
            )
        return one

    def _example_prompts(self, engine: Engine, opened: Any) -> Sequence[Sequence[int]]:
        """Token ids of the texts to look in."""
        model = opened.model
        if self.source == TASK_PROMPTS:
            if engine.experiment is None:
                raise InputError(
                    "No task’s prompts are open; find a circuit of a task, or take examples from a text."
                )
            host = engine.task.on_host
            pairs = zip(host.clean.tolist(), host.lengths.tolist(), strict=True)
            return [row[:length] for row, length in pairs]
        if self.source == DASHBOARD_FILE:
            assert self.path is not None
            texts = explanations.read_example_texts(self.path, self.site, self.feature)
            return [row for text in texts for row in model.tokens.context_windows(text)]
        path = self.path if self.source == TEXT_FILE else opened.text
        if path is None and model.name != "demo":
            raise InputError("No text is indexed; index one (Features → Files), or choose a text file.")
        return load_passages(model, path).rows
