"""What can be chosen is asked at the start, in the background, because the answer imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from circuitviz import discovery, evaluation, lens, metrics, models, tasks
from circuitviz.evaluation import claims
from circuitviz.options import Option, describe_options
from circuitviz.workbench.libraries import load_torch, load_transformer_lens
from circuitviz.workbench.requests.compute_reading import ReadingChoice
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class Catalog(Reply):
    """Names for the form; methods and measures come with a line about them and their options.

    ``inapplicable_measures``: by kind of circuit (heads, features) the measures that do not apply, and why.

    ``task_summaries``: a line about each task. ``task_metrics``: the metric of each by default.

    ``method_uses``: when to choose each method. ``method_selections``: how edges are chosen by default.
    ``span_methods``: those that score edges by span.

    ``models`` are those that ship; one whose name is a task's, too, was made for that task.
    """

    models: tuple[str, ...] = ("demo",)
    tasks: tuple[str, ...] = ("ioi",)
    task_summaries: dict[str, str] = field(default_factory=dict)
    methods: dict[str, tuple[str, tuple[Option, ...]]] = field(default_factory=lambda: {"eap-ig": ("", ())})
    task_metrics: dict[str, str] = field(default_factory=dict)
    method_uses: dict[str, str] = field(default_factory=dict)
    method_selections: dict[str, str] = field(default_factory=dict)
    span_methods: frozenset[str] = frozenset()
    metrics: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ("corrupted",)
    measures: dict[str, tuple[str, tuple[Option, ...]]] = field(default_factory=dict)
    inapplicable_measures: dict[str, dict[str, str]] = field(default_factory=dict)
    claims: dict[str, tuple[str, tuple[Option, ...]]] = field(default_factory=dict)
    readings: dict[str, ReadingChoice] = field(default_factory=dict)
    import_errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadCatalog(Request):
    """Ask for the names."""

    title = "Could not load the methods"
    priority = Priority.LOAD_CATALOG

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply: the names. Then what opens models is loaded, while nobody waits for it."""
        load_torch()
        yield Catalog(
            models=models.list_shipped_models(),
            tasks=tuple(tasks.tasks.names()),
            task_summaries={e.name: e.summary for e in tasks.tasks.entries()},
            methods={e.name: (e.summary, describe_options(e.options)) for e in discovery.methods.entries()},
            task_metrics={e.name: e.extra["metric"] for e in tasks.tasks.entries()},
            method_selections={name: discovery.default_selection(name) for name in discovery.methods.names()},
            span_methods=frozenset(discovery.methods_by_span()),
            method_uses={e.name: e.extra.get("use", "") for e in discovery.methods.entries()},
            metrics=tuple(metrics.metrics.names()),
            ablations=tuple(models.ABLATIONS),
            measures={
                e.name: (e.summary, describe_options(e.options)) for e in evaluation.measures.entries()
            },
            inapplicable_measures={
                kind: evaluation.inapplicable_measures(kind)
                for kind in (evaluation.HEAD_CIRCUITS, evaluation.FEATURE_CIRCUITS)
            },
            claims={e.name: (e.summary, describe_options(e.options)) for e in claims.claim_tests.entries()},
            readings={
                e.name: ReadingChoice(
                    e.extra.get("title", e.name),
                    e.summary,
                    bool(e.extra.get("needs_node")),
                    describe_options(e.options),
                )
                for e in lens.readings.entries()
            },
            import_errors={
                name: error
                for registry in (
                    tasks.tasks,
                    discovery.methods,
                    metrics.metrics,
                    evaluation.measures,
                    claims.claim_tests,
                    lens.readings,
                )
                for name, error in registry.import_errors.items()
            },
        )
        load_transformer_lens()
