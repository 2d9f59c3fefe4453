"""A prompt that is open for queries: run, nodes and rows are made once, every answer comes from them."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from circuitviz import features, models
from circuitviz.document.attribution_query import (
    HEADS_ATTENTION,
    LOGIT_DIFF_TARGET,
    OWN_CONVENTION,
    AttributionQuery,
)
from circuitviz.document.origin import PromptOrigin
from circuitviz.errors import InputError
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.versions import describe_machine
from circuitviz.workbench.record_origin import describe_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from circuitviz.graph import Circuit, Scores


NO_TARGET = (
    "No target was given; a feature (m3.f12@7), a neuron (m3.n45@7), a head (a1.h2@7) or a token after the "
    "prompt would be right."
)


@dataclass(frozen=True)
class PromptCircuit:
    """A circuit of features with its scores, and where they come from."""

    scores: Scores
    circuit: Circuit
    origin: PromptOrigin


@dataclass(eq=False)
class PromptSession:
    """What stays open between queries of the same prompt, dictionaries and sites.

    dictionaries: all that were given, also of sites that are not opened; targets: what ``query`` aims
    at (several for the likely logits); warnings: dictionaries that do not fit the model, in sentences.
    """

    query: AttributionQuery
    dictionaries: tuple[features.Dictionary, ...]
    table: features.NodeTable
    edges: features.FeatureEdgeRows
    targets: tuple[features.Target, ...]
    warnings: tuple[str, ...] = ()
    cached_bench: tuple[object, features.PromptBench] | None = None  # of a target (session/causal.py)
    _graphs: dict[int, features.AttributionGraph] = field(default_factory=dict)  # by the number of rows

    @property
    def target(self) -> features.Target:
        """What is explained; of several, the likeliest."""
        return self.targets[0]

    @property
    def max_attribution(self) -> float:
        """The greatest |attribution| of a node directly: no threshold above it keeps any."""
        return float(self.edges.row_into(self.target)[0].abs().max())

    def set_target(self, query: AttributionQuery) -> None:
        """Take another target on the same prompt; InputError where there is none such."""
        if query.run_key != self.query.run_key:
            raise InputError("This question is of another prompt than the one that is open.")
        check_corrupted_prompt(self.table.run.model, self.table.run.time, query)
        if query.target_key != self.query.target_key or query.is_graph != self.query.is_graph:
            if query.neurons:  # others matter to another target
                self.table, self.targets = make_nodes(self.table.run, self.table.dictionaries.values(), query)
                self.edges, self.cached_bench = features.FeatureEdgeRows(self.table), None
            else:
                self.targets = resolve_targets(self.table, query)
            self._graphs = {}
        self.query = query

    def check_target(self, query: AttributionQuery) -> None:
        """InputError where a query of this prompt has no target that could be taken."""
        check_corrupted_prompt(self.table.run.model, self.table.run.time, query)
        resolve_targets(self.table, query)

    def find_circuit(self, query: AttributionQuery) -> ProgressSteps[PromptCircuit]:
        """The circuit that answers a query of the open prompt."""
        began = time.perf_counter()
        self.set_target(query)
        if query.is_graph:
            graph = self._graphs.get(query.rows)
            if graph is None:
                graph = self._graphs[query.rows] = yield from self._attribution_graph(query.rows)
            scores, circuit = graph.scores(query.node_share, query.edge_share)
        else:
            yield Progress(0, 1, self.target.node.name)
            given = (query.tau if query.nodes is None else None), query.nodes
            found = features.local_circuit(self.edges, self.target, *given, query.method, query.gate)
            if not len(found.nodes):
                raise InputError(self._describe_empty_result(query, found.tau))
            if query.contributors:
                found = features.add_attention_contributors(found, query.contributors)
            query = self.query = replace(query, tau=found.tau)
            scores = features.local_circuit_scores(self.edges, found)
            scores = replace(scores, info={**scores.info, "highest": self.max_attribution})
            circuit = features.strongest_edges(scores)
        scores = replace(scores, info={**scores.info, "shown": self._target_tokens()})
        return PromptCircuit(scores, circuit, self.record_origin(query, time.perf_counter() - began))

    def record_origin(self, query: AttributionQuery, seconds: float = 0.0) -> PromptOrigin:
        """Where an answer comes from, to be written down with it."""
        model = self.table.run.model
        return PromptOrigin(
            replace(query, dtype=model.dtype),
            weight_hash=model.weight_hash,
            task_hash=self.query_hash(query),
            versions=describe_versions(),
            machine=describe_machine(model.placement.text),
            seconds=round(seconds, 3),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _target_tokens(self) -> dict[str, str]:
        """Targets that are tokens, as they are written."""
        strings = self.table.run.model.tokens.token_strings
        named = {target.node.name: target.node.token for target in self.targets}
        return {name: strings([token])[0] for name, token in named.items() if token is not None}

    def _attribution_graph(self, rows: int) -> ProgressSteps[features.AttributionGraph]:
        return (yield from features.attribution_graph(self.edges, self.targets, rows))

    def query_hash(self, query: AttributionQuery) -> str:
        """What a measurement of the circuit depends on beside its edges: prompt, target, nodes."""
        named = {site: one.name for site, one in sorted(self.table.dictionaries.items())}
        identity: list[object] = [self.table.run.token_ids, query.corrupted, query.target_key, named]
        if query.neurons:
            identity.append(query.neurons)
        if (query.attention, query.convention) != (HEADS_ATTENTION, OWN_CONVENTION):
            identity += [query.attention, query.convention]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def _describe_empty_result(self, query: AttributionQuery, tau: float) -> str:
        what = f"'{self.target.node.name}' ({self.target.value:.3g})"
        if query.gate == "signed" and query.nodes is not None:
            return (
                f"No node adds to {what}, so the signed gate keeps none; the absolute gate would be right: "
                "it keeps also what takes away."
            )
        return (
            f"A threshold of {tau:.3g} keeps no node of {what}; one below {self.max_attribution:.3g} would "
            "be right."
        )


def open_prompt(
    model: models.Model, query: AttributionQuery, dictionaries: Iterable[features.Dictionary]
) -> PromptSession:
    """Run a query's prompt and make its nodes; InputError on what a prompt or target cannot be.

    dictionaries: all that are open; those of the query's sites are taken.
    """
    every = tuple(dictionaries)
    found = select_dictionaries(query, every)
    run = features.run_prompt(model, _encode_prompt(model, query))
    warnings: list[str] = []
    if run.time > 2:
        found, warnings = features.fit_dictionaries(found, [run])
    check_corrupted_prompt(model, run.time, query)
    table, targets = make_nodes(run, found, query)
    return PromptSession(query, every, table, features.FeatureEdgeRows(table), targets, tuple(warnings))


def make_nodes(
    run: features.PromptRun, dictionaries: Iterable[features.Dictionary], query: AttributionQuery
) -> tuple[features.NodeTable, tuple[features.Target, ...]]:
    """The nodes of a run that a query asks for, and its targets among them."""
    table = features.node_table(run, dictionaries, attention=query.attention, convention=query.convention)
    targets = resolve_targets(table, query)
    if not query.neurons:
        return table, targets
    table = features.table_with_neurons(table, targets, query.neurons)
    return table, resolve_targets(table, query)


def check_query(model: models.Model, query: AttributionQuery) -> None:
    """InputError on a prompt or target that cannot be, without a pass of the model.

    Which features are active is not known before: a target that is none of them is found by the pass.
    """
    n_tokens = len(_encode_prompt(model, query))
    check_corrupted_prompt(model, n_tokens, query)
    if query.target == LOGIT_DIFF_TARGET:
        sides = [_answer_ids(model, query, side) for side in (query.correct, query.incorrect)]
        if not all(sides):
            raise InputError("A logit difference needs at least one correct and one incorrect token.")
    elif not query.target:
        if not query.is_graph:
            raise InputError(NO_TARGET)
    elif not features.check_target_name(query.target, model.shape, n_tokens) and not re.fullmatch(
        r"logit\.\d+(@\d+)?|[amr]\d+\.\w+@\d+", query.target
    ):
        model.tokens.answer_id(query.prompt, query.target)


def check_corrupted_prompt(model: models.Model, n_tokens: int, query: AttributionQuery) -> None:
    """InputError on a corrupted prompt whose values could not stand in position by position."""
    if not query.corrupted:
        return
    number = len(model.tokens.encode(query.corrupted, query.bos))
    if number != n_tokens:
        raise InputError(
            f"The corrupted prompt {query.corrupted[:60]!r} has {number} tokens and the prompt has "
            f"{n_tokens}; one of as many tokens would be right, or none."
        )


def _encode_prompt(model: models.Model, query: AttributionQuery) -> list[int]:
    if not query.prompt.strip() and not query.tokens:
        raise InputError("An empty prompt was given; a text of at least one token would be right.")
    return list(query.tokens) or model.tokens.encode(query.prompt, query.bos)


def _answer_ids(model: models.Model, query: AttributionQuery, answers: Sequence[str]) -> list[int]:
    return [model.tokens.answer_id(query.prompt, answer) for answer in answers]


def select_dictionaries(
    query: AttributionQuery, dictionaries: Sequence[features.Dictionary]
) -> list[features.Dictionary]:
    """The dictionaries of the sites that are to be opened into features."""
    if query.sites is None:
        return list(dictionaries)
    there = {one.site.name for one in dictionaries}
    if missing := [site for site in query.sites if site not in there]:
        raise InputError(
            f"There is no dictionary for {', '.join(missing)}; there is one for {', '.join(sorted(there))}."
        )
    return [one for one in dictionaries if one.site.name in query.sites]


def resolve_targets(table: features.NodeTable, query: AttributionQuery) -> tuple[features.Target, ...]:
    """What a query aims at, among the nodes of its prompt or behind them."""
    if query.target == LOGIT_DIFF_TARGET:
        sides = (query.correct, query.incorrect)
        right, wrong = (_answer_ids(table.run.model, query, side) for side in sides)
        return (features.difference_target(table, right, wrong),)
    if query.is_graph and not query.target:
        return features.likely_logits(table)
    if not query.target:
        raise InputError(NO_TARGET)
    return (features.named_target(table, query.target, query.prompt),)
