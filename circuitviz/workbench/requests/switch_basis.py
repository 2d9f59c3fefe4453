"""Seeing sites of the open task's circuit in another basis: the mixed circuit with as many edges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz import discovery
from circuitviz.document import Command, Origin, State, TaskOrigin, switch_basis
from circuitviz.graph import NodeKind
from circuitviz.graph.feature_sites import feature_sites, site_of
from circuitviz.graph.names import site_sort_key
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workbench.requests.messages import Reply, Request, report_progress
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

TASK_ATTRIBUTION = "task-attribution"
SELECTIONS_BY_SIZE = ("greedy", "top", "signed")


@dataclass(frozen=True)
class BasisSwitched(SearchResult):
    """A circuit in another basis; ``previous_origin`` is that of the circuit that was on the screen."""

    previous_origin: Origin | None = None
    text: str = ""

    def command(self) -> Command:
        """One step; nothing where another circuit has come meanwhile."""
        step = switch_basis(self.circuit, self.scores, self.origin, self.text)

        def change(state: State) -> State:
            return step.transform(state) if state.origin is self.previous_origin else state

        return Command(self.text, change)


@dataclass(frozen=True)
class SwitchBasis(Request):
    """Find the circuit of the open task again, with other sites opened into features.

    origin: the circuit on the screen; edges: how many to keep; dictionaries: folders (``one; another``), if
    none was used yet.
    """

    title = "Could not switch the basis"
    priority = Priority.SEARCH

    origin: Origin
    sites: tuple[str, ...]
    n_edges: int
    text: str
    dictionaries: str = ""

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Progress, then the circuit."""
        engine.require_open()
        method, options = self._method_and_options()
        where = engine.setting
        steps = discovery.discover_steps(
            engine.model, engine.task, method, where.metric, where.ablation, **options
        )
        check = yield from engine.check_task()
        began = time.perf_counter()
        scores = check.add_to((yield from report_progress(self.text, steps)))
        select = self.origin.select if self.origin.select in SELECTIONS_BY_SIZE else "greedy"
        edges = min(self.n_edges, scores.graph.n_edges)
        state = select_circuit(
            engine.model, engine.task, scores, where.metric, where.ablation, select, edges,
            time.perf_counter() - began, self.origin.task,
        )  # fmt: skip
        assert state.circuit is not None and isinstance(state.origin, TaskOrigin)
        engine.require_experiment().origin = state.origin
        yield BasisSwitched(
            scores, state.circuit, state.origin, False, previous_origin=self.origin, text=self.text
        )

    def _method_and_options(self) -> tuple[str, dict[str, Any]]:
        """As the circuit on the screen was found, where that was by a gradient's mean over points."""
        given = self.origin.options
        if self.origin.method == "eap":
            points: dict[str, Any] = {"steps": 1, "rule": "right"}  # the clean input alone
        else:
            points = {name: given[name] for name in ("steps", "rule") if name in given}
        gradient = _gradient_of(self.origin)
        if gradient:
            points = {}
        if not self.sites and gradient:
            return discovery.RULED_GRADIENTS[gradient]
        if not self.sites:
            once = points.get("steps") == 1 and points.get("rule") == "right"
            return ("eap", {}) if once else ("eap-ig", points)
        kept = {
            name: given[name] for name in ("features", "errors") if self.origin.method == TASK_ATTRIBUTION
        }
        folder = (
            given.get("dictionaries", "") if self.origin.method == TASK_ATTRIBUTION else self.dictionaries
        )
        if gradient:
            kept["gradient"] = gradient
        return TASK_ATTRIBUTION, {**points, **kept, "sites": ",".join(self.sites), "dictionaries": folder}


def _gradient_of(origin: Origin) -> str:
    """The rules that a circuit's gradient followed, as ``task-attribution`` names them; else empty."""
    ruled, options = discovery.RULED_GRADIENTS, origin.options
    if origin.method == TASK_ATTRIBUTION:
        gradient = str(options.get("gradient", ""))
        return gradient if gradient in ruled else ""
    for name, (method, needed) in ruled.items():
        if origin.method == method and all(options.get(key) == value for key, value in needed.items()):
            return name
    return ""


def refuse_spans(state: State) -> str:
    """Why no site of a circuit by span can be opened; empty where the circuit is of whole prompts."""
    if state.circuit is None or state.circuit.graph.spans is None:
        return ""
    return (
        "Features are scored over whole prompts, and this circuit is by span: search without spans "
        "(Positions in New search) to open its sites."
    )


def plan_basis_switch(
    state: State, nodes: frozenset[str], sites_with_dictionary: Iterable[str] = ()
) -> tuple[tuple[str, ...], str] | None:
    """The sites that are open once those of some nodes are opened, or closed if all are open; and in words.

    sites_with_dictionary: sites that have a dictionary: all of them are open where a query of one prompt
    names none. None where no node stands at a site, or nobody knows where the circuit came from.
    """
    if state.circuit is None or state.origin is None or state.circuit.graph.spans is not None:
        return None
    graph = state.circuit.graph
    named_sites = {site_of(graph.node(name)) for name in nodes if name in graph.node_index} - {""}
    if not named_sites or (state.query is None and graph.nodes[0].name != "input"):
        return None
    if state.query is None:
        now = set(feature_sites(graph))
    elif state.query.sites is not None:
        now = set(state.query.sites)
    else:
        seen = {site_of(node) for node in graph.nodes if node.kind is NodeKind.FEATURE}
        now = seen | set(sites_with_dictionary)
    closing = named_sites <= now
    sites = now - named_sites if closing else now | named_sites
    named = ", ".join(_sorted_by_layer(named_sites if closing else named_sites - now))
    text = f"Show {named} as heads and MLPs" if closing else f"Show features of {named}"
    return _sorted_by_layer(sites), text


def _sorted_by_layer(sites: set[str]) -> tuple[str, ...]:
    return tuple(sorted(sites, key=site_sort_key))
