"""A prompt that is open for questions: run, nodes and rows are made once, every answer comes from them."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.progress import Progress, Steps
from circuitviz.session.origin import PACKAGES, machine, package_version
from circuitviz.session.provenance import Provenance
from circuitviz.session.question import DIFFERENCE, SELECT, TASK, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from circuitviz.features import AttributionGraph, Dictionary, Edges, NodeTable, PromptBench, Target
    from circuitviz.graph import Circuit, Scores
    from circuitviz.models import Model


@dataclass(frozen=True)
class Answer:
    """A circuit of features with its scores, and where they come from."""

    scores: Scores
    circuit: Circuit
    provenance: Provenance


@dataclass(eq=False)
class Prompted:
    """What stays open between questions of the same prompt, dictionaries and sites.

    dictionaries: all that were given, also of sites that are not opened; targets: what ``question`` aims
    at (several for the likely logits); warnings: dictionaries that do not fit the model, in sentences.
    """

    question: Question
    dictionaries: tuple[Dictionary, ...]
    table: NodeTable
    edges: Edges
    targets: tuple[Target, ...]
    warnings: tuple[str, ...] = ()
    bench: tuple[object, PromptBench] | None = None  # of a target (session/causal.py)
    _graphs: dict[int, AttributionGraph] = field(default_factory=dict)  # by the number of rows

    @property
    def target(self) -> Target:
        """What is explained; of several, the likeliest."""
        return self.targets[0]

    @property
    def highest(self) -> float:
        """The greatest |attribution| of a node directly: no threshold above it keeps any."""
        return float(self.edges.into(self.target)[0].abs().max())

    def aim(self, question: Question) -> None:
        """Take another target on the same prompt; InputError where there is none such."""
        if question.opening != self.question.opening:
            raise InputError("This question is of another prompt than the one that is open.")
        check_partner(self.table, question)
        if question.aim != self.question.aim or question.is_graph != self.question.is_graph:
            self.targets, self._graphs = targets_of(self.table, question), {}
        self.question = question

    def answer(self, question: Question) -> Steps[Answer]:
        """The circuit that answers a question of the open prompt."""
        from circuitviz.features import local_circuit, local_scores, strongest

        began = time.perf_counter()
        self.aim(question)
        if question.is_graph:
            graph = self._graphs.get(question.rows)
            if graph is None:
                graph = self._graphs[question.rows] = yield from self._graph(question.rows)
            scores, circuit = graph.scores(question.node_share, question.edge_share)
        else:
            yield Progress(0, 1, self.target.node.name)
            given = (question.tau if question.nodes is None else None), question.nodes
            found = local_circuit(self.edges, self.target, *given, question.method, question.gate)
            if not len(found.kept):
                raise InputError(self._nothing(question, found.tau))
            question = self.question = replace(question, tau=found.tau)
            scores = local_scores(self.edges, found)
            scores = replace(scores, info={**scores.info, "highest": self.highest})
            circuit = strongest(scores)
        scores = replace(scores, info={**scores.info, "shown": self._shown()})
        return Answer(scores, circuit, self.provenance(question, time.perf_counter() - began))

    def provenance(self, question: Question, seconds: float = 0.0) -> Provenance:
        """Where an answer comes from, to be written down with it."""
        model = self.table.run.model
        pair = (question.prompt, question.corrupted, question.correct, question.incorrect)
        return Provenance(
            model=question.model,
            weight_hash=model.weight_hash,
            task=TASK,
            task_hash=self._hash(question),
            pairs=(pair,),
            metric=question.metric,
            ablation=question.ablation,
            method=question.method,
            options=question.options,
            select=SELECT,
            prompts=1,
            bos=question.bos,
            versions={name: package_version(name) for name in PACKAGES},
            machine=machine(str(model.device)),
            seconds=round(seconds, 3),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _shown(self) -> dict[str, str]:
        """Targets that are tokens, as they are written."""
        strings = self.table.run.model.tokens.strings
        named = {target.node.name: target.node.token for target in self.targets}
        return {name: strings([token])[0] for name, token in named.items() if token is not None}

    def _graph(self, rows: int) -> Steps[AttributionGraph]:
        from circuitviz.features import attribution_graph

        return (yield from attribution_graph(self.edges, self.targets, rows))

    def _hash(self, question: Question) -> str:
        """What a measurement of the circuit depends on beside its edges: prompt, target, nodes."""
        named = {site: one.name for site, one in sorted(self.table.dictionaries.items())}
        told = [self.table.run.tokens.tolist(), question.corrupted, question.aim, named]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def _nothing(self, question: Question, tau: float) -> str:
        what = f"'{self.target.node.name}' ({self.target.value:.3g})"
        if question.gate == "signed" and question.nodes is not None:
            return (
                f"No node adds to {what}, so the signed gate keeps none; the absolute gate would be right: "
                "it keeps also what takes away."
            )
        return (
            f"A threshold of {tau:.3g} keeps no node of {what}; one below {self.highest:.3g} would be right."
        )


def open_prompt(model: Model, question: Question, dictionaries: Iterable[Dictionary]) -> Prompted:
    """Run a question's prompt and make its nodes; InputError on what a prompt or target cannot be.

    dictionaries: all that are open; those of the question's sites are taken.
    """
    from circuitviz.features import Edges, fitted, node_table, run_prompt

    every = tuple(dictionaries)
    found = chosen_sites(question, every)
    ids = list(question.tokens) or model.tokens.encode(question.prompt, question.bos)
    if not question.prompt.strip() and not question.tokens:
        raise InputError("An empty prompt was given; a text of at least one token would be right.")
    run = run_prompt(model, ids)
    warnings: list[str] = []
    if run.time > 2:
        found, warnings = fitted(found, [run])
    table = node_table(run, found)
    check_partner(table, question)
    targets = targets_of(table, question)
    return Prompted(question, every, table, Edges(table), targets, tuple(warnings))


def check_partner(table: NodeTable, question: Question) -> None:
    """InputError on a corrupted prompt whose values could not stand in position by position."""
    if not question.corrupted:
        return
    number = len(table.run.model.tokens.encode(question.corrupted, question.bos))
    if number != table.run.time:
        raise InputError(
            f"The corrupted prompt {question.corrupted[:60]!r} has {number} tokens and the prompt has "
            f"{table.run.time}; one of as many tokens would be right, or none."
        )


def chosen_sites(question: Question, every: Sequence[Dictionary]) -> list[Dictionary]:
    """The dictionaries of the sites that are to be opened into features."""
    if question.sites is None:
        return list(every)
    there = {one.site.name for one in every}
    if missing := [site for site in question.sites if site not in there]:
        raise InputError(
            f"There is no dictionary for {', '.join(missing)}; there is one for {', '.join(sorted(there))}."
        )
    return [one for one in every if one.site.name in question.sites]


def targets_of(table: NodeTable, question: Question) -> tuple[Target, ...]:
    """What a question aims at, among the nodes of its prompt or behind them."""
    from circuitviz.features import difference_target, likely_logits, named_target

    tokens = table.run.model.tokens
    if question.target == DIFFERENCE:
        sides = (question.correct, question.incorrect)
        right, wrong = ([tokens.answer(question.prompt, a, question.bos) for a in side] for side in sides)
        return (difference_target(table, right, wrong),)
    if question.is_graph and not question.target:
        return likely_logits(table)
    if not question.target:
        raise InputError(
            "No target was given; a feature (m3.f12@7), a neuron (m3.n45@7), a head (a1.h2@7) or a token "
            "after the prompt would be right."
        )
    return (named_target(table, question.target, question.prompt),)
