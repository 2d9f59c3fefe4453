"""A feature's circuits over many examples, on the worker: found in a text, traced one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.graph import Traces
from circuitviz.jobs.features import need_dictionaries, passages_of
from circuitviz.jobs.look import Look
from circuitviz.progress import Driven, Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine

INDEXED, PROMPTS, TEXT, DASHBOARD = "indexed text", "this task’s prompts", "text file", "dashboard file"
FITTED_ON = 2  # rows, the longest ones, that show in which form a dictionary fits the model
SOURCES = (INDEXED, PROMPTS, TEXT, DASHBOARD)


@dataclass(frozen=True)
class Collected:
    """Traces, which stay with the document, and what they are of: where the examples come from, the
    dictionaries' folders, about how many nodes each circuit has.
    """

    traces: Traces
    source: str
    model: str
    dictionaries: tuple[str, ...]
    nodes: int

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"{self.traces.target} · {self.source}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as documents keep it."""
        return {
            "traces": self.traces.as_dict(),
            "source": self.source,
            "model": self.model,
            "dictionaries": list(self.dictionaries),
            "nodes": self.nodes,
        }

    @staticmethod
    def from_dict(given: Mapping[str, Any]) -> Collected:
        """What was kept; InputError where it cannot be read."""
        try:
            folders = tuple(map(str, given["dictionaries"]))
            where = str(given["source"]), str(given["model"]), folders, int(given["nodes"])
            return Collected(Traces.from_dict(given["traces"]), *where)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Traces in this file cannot be read ({type(error).__name__}: {error}); collect them anew."
            ) from None


@dataclass(frozen=True)
class CollectTraces(Look):
    """Find examples of a feature and trace its circuit in each.

    source: one of ``SOURCES``; path: of the file, where it is one; most: how many examples; choose:
    ``spread`` over activations or the ``strongest``; nodes: about so many a circuit.
    """

    title = "Collecting traces"
    rank = 47
    of_task = False

    site: str
    number: int
    source: str
    path: Path | None
    most: int = 30
    choose: str = "spread"
    nodes: int = 200

    def see(self, engine: Engine) -> Steps[Collected]:
        """What is traced so far, then all."""
        from circuitviz.features import find_examples, fitted, run_prompt, trace_examples

        opened = yield from need_dictionaries(engine)
        model, one = opened.model, opened.dictionaries.get(self.site)
        folders = opened.folders
        if one is None:
            raise InputError(
                f"No dictionary of {self.site} is open; there is one of {', '.join(opened.dictionaries)}."
            )
        named = self.source if self.path is None else self.path.name
        rows = self._rows(engine, opened)
        some = [run_prompt(model, row) for row in sorted(rows, key=len)[-FITTED_ON:]]
        every, _ = fitted(list(opened.dictionaries.values()), some)
        one = next(fitting for fitting in every if fitting.site.name == self.site)
        examples = yield from find_examples(model, one, self.number, rows, self.most, self.choose)
        steps = Driven(trace_examples(model, every, self.site, self.number, examples, self.nodes))
        for step in steps:
            found = None
            if isinstance(step.partial, Traces):
                found = Collected(step.partial, named, model.name, folders, self.nodes)
            yield replace(step, partial=found)
        return Collected(steps.result, named, model.name, folders, self.nodes)

    def _rows(self, engine: Engine, opened: Any) -> Sequence[Sequence[int]]:
        """Token ids of the texts to look in."""
        model = opened.model
        if self.source == PROMPTS:
            if engine.task is None:
                raise InputError(
                    "No task’s prompts are open; find a circuit of a task, or take examples from a text."
                )
            pairs = zip(engine.task.clean.tolist(), engine.task.lengths.tolist(), strict=True)
            return [row[:length] for row, length in pairs]
        if self.source == DASHBOARD:
            from circuitviz.features.explanations import read_examples

            assert self.path is not None
            texts = read_examples(self.path, self.site, self.number)
            return [row for text in texts for row in model.tokens.windows(text)]
        path = self.path if self.source == TEXT else opened.text
        if path is None and model.name != "demo":
            raise InputError("No text is indexed; index one (Features → Files), or choose a text file.")
        return passages_of(model, path).rows
