"""A circuit of features as it is on the screen, put to the real model: one prompt, judged by its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitviz.graph import Intervention, Interventions, Kind
from circuitviz.progress import Progress, Steps
from circuitviz.session.question import DIFFERENCE, Question
from circuitviz.session.state import State

if TYPE_CHECKING:
    from circuitviz.features import Intervention as Action
    from circuitviz.features import Judged, PromptBench, Run
    from circuitviz.session.prompted import Prompted

MASKED = (Kind.FEATURE, Kind.HEAD, Kind.MLP)  # outside a circuit these have their ablation values
PASSAGES = 24  # of the demo's own text, about 480 tokens, that means are taken over
TOP = 5  # tokens
RESPONSES = 8


@dataclass(frozen=True)
class Trial:
    """What is measured of a state.

    nodes: names of those in the circuit; out: those taken out; changed: what others are made to be;
    ablation: what everything outside is put to; errors: ``kept`` or ``dropped``;
    edges: how many there are, for the record.
    """

    question: Question
    nodes: tuple[str, ...]
    out: tuple[str, ...] = ()
    changed: Interventions = field(default_factory=dict)
    ablation: str = "zero"
    errors: str = "kept"
    edges: int = 0

    @staticmethod
    def of(state: State) -> Trial | None:
        """A state's trial; None where it is no circuit of features of one prompt.

        A node whose every edge is out is out itself: such a circuit is judged by its nodes.
        """
        question = Question.of(state.provenance)
        if question is None or state.circuit is None:
            return None
        circuit, graph = state.circuit, state.circuit.graph
        out = set(state.ablated_nodes)
        if state.ablated_edges:
            left = circuit.without((), state.ablated_edges).edges.any(axis=1)
            mute = np.flatnonzero(circuit.edges.any(axis=1) & ~left)
            out |= {graph.senders[row] for row in mute}
        free = {n.name for n in graph.nodes[: len(graph.senders)] if not n.kind.is_fixed}
        inside = tuple(name for name in circuit.node_names if name in free and name not in out)
        taken = tuple(name for name in circuit.node_names if name in free & out)
        changed = {name: what for name, what in state.changed.items() if name in free - out}
        edges = 0 if state.live is None else state.live.n_edges
        return Trial(question, inside, taken, changed, question.ablation, question.errors, edges)

    def shares(self, activations: Mapping[str, float], left: Mapping[str, float]) -> dict[str, float]:
        """How much of its own output each touched node has, to first order.

        activations: by node, for those that are set; left: what nodes have under the trial's ablation, where
        it is known; else it counts as nothing.
        """
        found = {name: left.get(name, 0.0) for name in self.out}
        for name, what in self.changed.items():
            own = float(activations.get(name, 0.0))
            set_to = what.share / own if own else 1.0
            ablated = left.get(name, 0.0) if what.value == self.ablation else 0.0
            found[name] = {"scale": what.share, "set": set_to}.get(what.value, ablated)
        return found

    @property
    def untouched(self) -> list[str]:
        """Nodes inside that nothing was done to."""
        return [name for name in self.nodes if name not in self.changed]

    def actions(self) -> list[Action]:
        """What is done to nodes in the whole model: those out take the ablation, others their own value."""
        from circuitviz.features import Intervention as Action

        return [*(Action(name, self.ablation) for name in self.out), *self.changes()]

    def changes(self) -> list[Action]:
        """What is done to nodes inside the circuit."""
        return [_action(name, what) for name, what in self.changed.items()]


def bench_of(opened: Prompted) -> PromptBench:
    """What the open question's circuits are measured on; made once a target and corrupted prompt."""
    from circuitviz.features import PromptBench

    question = opened.question
    key = (question.aim, question.is_graph, question.corrupted)
    if opened.bench is None or opened.bench[0] != key:
        references: dict[str, Any] = {"mean": partial(_other_runs, opened)}
        if question.corrupted:
            references["corrupted"] = partial(_corrupted, opened)
        name = question.metric if question.target == DIFFERENCE else ""
        opened.bench = (key, PromptBench(opened.table, opened.target, references, name))
    return opened.bench[1]


def mean_of(question: Question) -> str:
    """Over what the ablation ``mean`` averages, in words."""
    if question.model == "demo":
        return f"{PASSAGES} passages of the demo's text"
    return "the prompt and its corrupted partner" if question.corrupted else "the prompt's own positions"


def measure_trial(opened: Prompted, trial: Trial) -> Steps[dict[str, Any]]:
    """The numbers of a trial, with the keys that every evaluation has; of one prompt, so without an interval.

    A partial result has the faithfulness alone. ``target``: its change in the whole model under what was done
    to nodes, predicted, with patterns and scales frozen, and free, with the likeliest next tokens before and
    after, and the features that responded most; None where nothing was done.
    """
    from circuitviz.features import Judged, frozen_change, predicted_change, value_in

    bench, ablation, errors = bench_of(opened), trial.ablation, trial.errors
    yield Progress(0, 4, "everything ablated")
    ablated = bench.ablated(ablation, errors)
    yield Progress(1, 4, "the circuit")
    others = [one for one in trial.actions() if _kind(bench, one.node) not in MASKED]
    inside = bench.changes([*trial.changes(), *(one for one in others if one.node in trial.out)])
    circuit = bench.circuit(trial.nodes, ablation, errors, inside)
    first = Judged(bench.target.value, ablated, circuit, float("nan"))
    yield Progress(2, 4, "everything but the circuit", _numbers(bench, trial, first, None))
    judged = replace(first, rest=bench.rest(trial.nodes, ablation, errors))
    target = None
    if actions := trial.actions():
        yield Progress(3, 4, "predicted and measured")
        changes = bench.changes(actions)
        run = bench.run(changes, errors)
        start = bench.start(errors)
        target = {
            "name": bench.name,
            "before": start,
            "predicted": predicted_change(bench.table, bench.target, changes),
            "frozen": frozen_change(bench.table, bench.target, changes),
            "free": value_in(run, bench.table, bench.target) - start,
            "top_before": _tops(bench.run((), errors)),
            "top_after": _tops(run),
            "responses": [asdict(one) for one in bench.responses(run, trial.untouched)[:RESPONSES]],
        }
    return _numbers(bench, trial, judged, target)


def _numbers(
    bench: PromptBench, trial: Trial, judged: Judged, target: dict[str, Any] | None
) -> dict[str, Any]:
    ablation = trial.ablation
    return {
        "faithfulness": {"value": judged.faithfulness, "low": None, "high": None},
        "completeness": None if np.isnan(judged.rest) else judged.completeness,
        "metric": {"circuit": judged.circuit, "model": judged.model, "ablated": judged.ablated},
        "edges": trial.edges,
        "nodes": len(trial.nodes),
        "setting": {
            "metric": bench.name,
            "ablation": ablation,
            "errors": trial.errors,
            "mean_of": mean_of(trial.question) if ablation == "mean" else "",
            "prompts": 1,
            "seed": 0,
        },
        "target": target,
    }


def _action(name: str, what: Intervention) -> Action:
    from circuitviz.features import Intervention as Action

    return Action(name, what.value, what.share if what.value in ("scale", "set") else None)


def _kind(bench: PromptBench, name: str) -> Kind:
    return bench.table.node(bench.table.index(name)).kind


def _tops(run: Run) -> list[tuple[str, float]]:
    """The likeliest next tokens with their probabilities."""
    best = run.logits.softmax(-1).topk(min(TOP, len(run.logits)))
    return list(zip(run.model.tokens.strings(best.indices.tolist()), best.values.tolist(), strict=True))


def _corrupted(opened: Prompted) -> Sequence[Run]:
    from circuitviz.features import run_prompt

    model, question = opened.table.run.model, opened.question
    return [run_prompt(model, model.tokens.encode(question.corrupted, question.bos))]


def _other_runs(opened: Prompted) -> Sequence[Run]:
    """Runs that a mean is taken over: the demo's own text, or the prompts that are there."""
    from circuitviz.features import run_prompt

    model, question = opened.table.run.model, opened.question
    if model.name == "demo":
        from circuitviz.demo.dictionaries import MEASURING_SEED, texts

        windows = [row for text in texts(MEASURING_SEED, PASSAGES) for row in model.tokens.windows(text)]
        return [run_prompt(model, row) for row in windows]
    return [opened.table.run, *(_corrupted(opened) if question.corrupted else ())]
