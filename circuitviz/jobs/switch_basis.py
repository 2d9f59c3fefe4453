"""Seeing sites of the open task's circuit in another basis: the mixed circuit with as many edges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Kind
from circuitviz.graph.names import by_layer
from circuitviz.graph.opened import opened_sites, site_of
from circuitviz.jobs.find import Found
from circuitviz.jobs.messages import Reply, Request, moving
from circuitviz.session import Command, Provenance, State, switch_basis
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine

METHOD = "task-attribution"
CHOSEN = ("greedy", "top", "signed")


@dataclass(frozen=True)
class Switched(Found):
    """A circuit in another basis; ``since`` is where the one on the screen came from when it was asked."""

    since: Provenance | None = None
    text: str = ""

    def command(self) -> Command:
        """One step; nothing where another circuit has come meanwhile."""
        step = switch_basis(self.circuit, self.scores, self.provenance, self.text)

        def change(state: State) -> State:
            return step.change(state) if state.provenance is self.since else state

        return Command(self.text, change)


@dataclass(frozen=True)
class SwitchBasis(Request):
    """Find the circuit of the open task again, with other sites opened into features.

    where: the circuit on the screen; edges: how many to keep; dictionaries: folders (``one; another``), if
    none was used yet.
    """

    title = "The site was not opened"
    rank = 1

    where: Provenance
    sites: tuple[str, ...]
    edges: int
    text: str
    dictionaries: str = ""

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Progress, then the circuit."""
        engine.need()
        from circuitviz.discovery import discover_steps
        from circuitviz.session.origin import chosen

        method, options = self._method()
        where = engine.where
        began = time.perf_counter()
        steps = discover_steps(engine.model, engine.task, method, where.metric, where.ablation, **options)
        scores = yield from moving(self.text, steps)
        select = self.where.select if self.where.select in CHOSEN else "greedy"
        edges = min(self.edges, scores.graph.n_edges)
        state = chosen(
            engine.model, engine.task, scores, where.metric, where.ablation, select, edges,
            time.perf_counter() - began, self.where.task,
        )  # fmt: skip
        assert state.circuit is not None and state.provenance is not None
        engine.opened_for = state.provenance.opening
        yield Switched(scores, state.circuit, state.provenance, False, since=self.where, text=self.text)

    def _method(self) -> tuple[str, dict[str, Any]]:
        """As the circuit on the screen was found, where that was by a gradient's mean over points."""
        given = self.where.options
        if self.where.method == "eap":
            points: dict[str, Any] = {"steps": 1, "rule": "right"}  # the clean input alone
        else:
            points = {name: given[name] for name in ("steps", "rule") if name in given}
        if not self.sites:
            once = points.get("steps") == 1 and points.get("rule") == "right"
            return ("eap", {}) if once else ("eap-ig", points)
        kept = {name: given[name] for name in ("features", "errors") if self.where.method == METHOD}
        folder = given.get("dictionaries", "") if self.where.method == METHOD else self.dictionaries
        return METHOD, {**points, **kept, "sites": ",".join(self.sites), "dictionaries": folder}


def switched(
    state: State, nodes: frozenset[str], every: Iterable[str] = ()
) -> tuple[tuple[str, ...], str] | None:
    """The sites that are open once those of some nodes are opened, or closed if all are open; and in words.

    every: sites that have a dictionary: all of them are open where a question of one prompt names none.
    None where no node stands at a site, or nobody knows where the circuit came from.
    """
    if state.circuit is None or state.provenance is None:
        return None
    graph, question = state.circuit.graph, Question.of(state.provenance)
    meant = {site_of(graph.node(name)) for name in nodes if name in graph.node_index} - {""}
    if not meant or (question is None and graph.nodes[0].name != "input"):
        return None
    if question is None:
        now = set(opened_sites(graph))
    elif question.sites is not None:
        now = set(question.sites)
    else:
        seen = {site_of(node) for node in graph.nodes if node.kind is Kind.FEATURE}
        now = seen | set(every)
    closing = meant <= now
    sites = now - meant if closing else now | meant
    named = ", ".join(_ordered(meant if closing else meant - now))
    text = f"Close {named}: heads and MLPs again" if closing else f"Open {named} into features"
    return _ordered(sites), text


def _ordered(sites: set[str]) -> tuple[str, ...]:
    return tuple(sorted(sites, key=by_layer))
