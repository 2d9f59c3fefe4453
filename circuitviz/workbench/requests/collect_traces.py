"""A feature's circuits over many examples, on the worker: found in a text, traced one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
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

INDEXED_TEXT, TASK_PROMPTS, TEXT_FILE, DASHBOARD_FILE, NEURONPEDIA = (
    "indexed text",
    "this task’s prompts",
    "text file",
    "dashboard file",
    "Neuronpedia",
)
N_FIT_PROMPTS = 2  # rows, the longest ones, that show in which form a dictionary fits the model
EXAMPLE_SOURCES = (INDEXED_TEXT, TASK_PROMPTS, TEXT_FILE, DASHBOARD_FILE, NEURONPEDIA)


@dataclass(frozen=True)
class TraceCollection:
    """Traces, which stay with the document, and what they are of.

    That is where the examples come from, the dictionaries' folders, and about how many nodes a circuit has.
    ``about``: what Neuronpedia says of the feature (``NeuronpediaFeature.as_dict``), where they are its.
    """

    traces: TraceSet
    source: str
    model: str
    dictionaries: tuple[str, ...]
    nodes_per_circuit: int
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about_text(self) -> str:
        """What Neuronpedia says of the feature, in a line; empty without it."""
        numbers = self.about.get("statistics", {})
        parts = [f"“{one['text']}” ({one['source']})" for one in self.about.get("explanations", [])[:2]]
        if "max_activation" in numbers:
            parts.append(f"largest activation {numbers['max_activation']:.4g}")
        if "density" in numbers:
            parts.append(f"active at {numbers['density']:.2%} of tokens")
        return "; ".join(parts)

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
            **({"neuronpedia": dict(self.about)} if self.about else {}),
        }

    @staticmethod
    def from_dict(given: Mapping[str, Any]) -> TraceCollection:
        """What was kept; InputError where it cannot be read."""
        try:
            folders = tuple(map(str, given["dictionaries"]))
            where = str(given["source"]), str(given["model"]), folders, int(given["nodes"])
            about = given.get("neuronpedia", {})
            return TraceCollection(TraceSet.from_dict(given["traces"]), *where, about)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Traces in this file cannot be read ({type(error).__name__}: {error}); collect them anew."
            ) from None


@dataclass(frozen=True)
class CollectTraces(Query):
    """Find examples of a feature and trace its circuit in each.

    source: one of ``EXAMPLE_SOURCES``; path: of the file, where it is one; most: how many examples; choose:
    ``spread`` over activations or the ``strongest``; nodes: about so many a circuit; address: of the feature
    on Neuronpedia, which is asked when this is computed; store_path: where its explanations are added.
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
    address: str = ""
    store_path: Path | None = None

    def check_input(self, engine: Engine) -> None:
        """InputError where no dictionary of the site is open, or the file holds no examples."""
        store = engine.dictionary_store
        if store is not None and store.model is engine.model:
            self._require_dictionary(store)
        if self.source == NEURONPEDIA:
            explanations.parse_address(self.address)
        if self.path is not None and self.source == DASHBOARD_FILE:
            explanations.read_example_texts(self.path, self.site, self.feature)
        elif self.path is not None and self.source == TEXT_FILE:
            features.read_text_file(self.path)

    def compute_steps(self, engine: Engine) -> ProgressSteps[TraceCollection]:
        """What is traced so far, then all."""
        opened = yield from require_dictionaries(engine)
        model, folders = opened.model, opened.folders
        one = self._require_dictionary(opened)
        named, about = self.source if self.path is None else self.path.name, dict[str, Any]()
        if self.source == NEURONPEDIA:
            page = yield from explanations.fetch_feature_steps(explanations.parse_address(self.address))
            named, about = f"Neuronpedia {page.address}", page.as_dict()
            self._store_explanations(model.name, page)
            texts = explanations.read_example_texts(page.path)
            rows: Sequence[Sequence[int]] = [r for text in texts for r in model.tokens.context_windows(text)]
        else:
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
        origin = named, model.name, folders, self.nodes_per_circuit, about
        for step in steps:
            found = None
            if isinstance(step.partial, TraceSet):
                found = TraceCollection(step.partial, *origin)
            yield replace(step, partial=found)
        return TraceCollection(steps.result, *origin)

    def _store_explanations(self, model: str, page: explanations.NeuronpediaFeature) -> None:
        """Add the page's explanations to those of the feature that is traced."""
        if self.store_path is not None and page.explanations:
            own = [replace(one, site=self.site, feature=self.feature) for one in page.explanations]
            with closing(explanations.ExplanationStore(self.store_path)) as store:
                store.add_imported(model, own)

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
