"""Everything that computes on a device, as functions of a small random model with a task and dictionaries.

``tests/test_devices.py`` runs them on the stand-in for a GPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from slow_features import random_dictionaries
from slow_path import DEMO

from circuitviz import discovery, evaluation, features, lens, training
from circuitviz.discovery.averaged_gradients import GradientPoint
from circuitviz.discovery.mixed_attribution import choose_features, score_mixed_edges
from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps
from circuitviz.features.basis_node_reading import read_basis_node
from circuitviz.features.dashboards import (
    build_index_steps,
    de_embedding_effects,
    nearest_features,
    token_effects,
)
from circuitviz.features.passages import Passages
from circuitviz.graph import Circuit, Intervention, SteeringQuery
from circuitviz.graph.ablation_constants import ConstantStore
from circuitviz.models import from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.tasks import PromptPair, Task

NAMES = "Mary John Tom Ian Betty Paul Sarah David".split()
CHANGED_WORD = 3


@dataclass(frozen=True)
class Size:
    """A model with so many layers and heads, and a task of so many prompts of so many tokens."""

    layers: int
    heads: int
    prompts: int
    time: int


@dataclass
class DeviceCase:
    """A model on the device, with a task and dictionaries that are still on the host."""

    size: Size
    model: Any
    task: Task
    dictionaries: dict[str, Any]
    passes: int = 0
    _made: dict[str, Any] = field(default_factory=dict)

    def made(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made once."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def setting(self) -> Any:
        """The setting, which moves the task."""
        return discovery.make_setting(self.model, self.task)

    @property
    def circuit(self) -> Circuit:
        """A random circuit."""
        mask = self.model.graph.mask
        return Circuit(self.model.graph, mask & (np.random.default_rng(0).random(mask.shape) < 0.6))

    @property
    def table(self) -> Any:
        """The nodes of a prompt."""
        return self.made("table", partial(make_table, self))

    @property
    def passages(self) -> Passages:
        """A little text."""
        return Passages(tuple(tuple(range(3, 9 + (i % 4))) for i in range(60)), False)


KINDS = {"a1": "jumprelu", "m0": "transcoder"}


def make_case(
    size: Size, hf: Any = None, device: str = "cuda", kinds: dict[str, str] | None = None
) -> DeviceCase:
    """A case of a random GPT-2, or of another Hugging Face model, with dictionaries of these kinds."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    if hf is None:
        config = GPT2Config(
            n_layer=size.layers,
            n_head=size.heads,
            n_embd=32,
            vocab_size=1300,
            n_positions=64,
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation="eager",
            initializer_range=0.25,
        )
        hf = GPT2LMHeadModel(config)
    known = {"gpt_neox": "EleutherAI/pythia-70m", "gemma2": "google/gemma-2-2b"}.get(
        hf.config.model_type, "gpt2"
    )
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), known, device)
    dictionaries = random_dictionaries(model, kinds or KINDS)
    return DeviceCase(size, model, _task(model, size), {d.site.name: d for d in dictionaries})


def _task(model: Any, size: Size) -> Task:
    """Prompts of names, with one name exchanged; the last prompt is a token shorter."""
    pairs = []
    for i in range(size.prompts):
        clean = [f" {NAMES[(i + j) % len(NAMES)]}" for j in range(size.time - (i == size.prompts - 1))]
        corrupted = list(clean)
        corrupted[CHANGED_WORD] = " ring"
        pairs.append(PromptPair("".join(clean), "".join(corrupted), (clean[1],), (" a",)))
    return Task.from_pairs("names", pairs, model.tokens, bos=False)


def _discover(method: str, case: DeviceCase, **options: Any) -> Any:
    return discovery.discover(case.model, case.task, method, **options)


def _evaluate(case: DeviceCase, metric: str, ablation: str) -> Any:
    return evaluation.evaluate(case.model, case.task, case.circuit, metric, ablation)


def _evaluate_by_span(case: DeviceCase) -> Any:
    scores = discovery.discover(case.model, case.task, "eap-ig", by_span=True, steps=2)
    bench = evaluation.make_bench(case.setting, scores.graph, {}, allow_interventions=True)
    node = next(name for name in scores.graph.senders if name.startswith("m0"))
    return run_to_completion(bench.evaluate(scores.top(40), {node: Intervention("mean")}))


def _evaluate_optimal(case: DeviceCase) -> Any:
    task = replace(case.task, constants=ConstantStore())
    options = discovery.OptimalAblationOptions(steps=2, step_prompts=2)
    run_to_completion(discovery.learn_constants_steps(case.model, task, options))
    return evaluation.evaluate(case.model, task, case.circuit, "kl", "optimal")


def _measure(name: str, case: DeviceCase, **options: Any) -> Any:
    scores = case.made("scores", partial(_discover, "eap", case))
    given = evaluation.MeasureInput(
        evaluation.FaithfulnessBench(case.setting), case.circuit, scores, selection=("a0.h0",)
    )
    return run_to_completion(evaluation.measure_steps(name, given, **options))


def _curve(case: DeviceCase) -> Any:
    scores = case.made("scores", partial(_discover, "eap", case))
    bench = evaluation.FaithfulnessBench(case.setting)
    return run_to_completion(evaluation.measure_curve_steps(bench, scores, counts=[3, 9, 12]))


def _measure_features(name: str, case: DeviceCase) -> Any:
    bench = features.PromptBench(case.table, features.logit_target(case.table, 7), {"zero": ()})
    nodes = tuple(case.table.node(int(row)).name for row in _local(case).nodes[:6])
    return run_to_completion(evaluation.measure_steps(name, evaluation.FeatureMeasureInput(bench, nodes)))


def _explain_change(case: DeviceCase) -> Any:
    bench = evaluation.FaithfulnessBench(case.setting, allow_interventions=True)
    changes = {"m0": Intervention("mean"), "a0.h1": Intervention("scale", 0.5)}
    before, after = (
        evaluation.IntervenedCircuit(case.circuit, given) for given in ({}, changes)
    )  # fmt: skip
    return run_to_completion(evaluation.explain_change_steps(bench, before, after))


def _claim(name: str, case: DeviceCase, **options: Any) -> Any:
    nodes = ("m0.f3",) if name in ("activation", "feature-effect") else ("a0.h0",)
    subject = ClaimSubject(case.setting, nodes, dictionaries=list(case.dictionaries.values()))
    return run_to_completion(claim_test_steps(name, subject, **options))


def _open_sites(case: DeviceCase) -> Any:
    """Scores of a graph in which a1 and m0 are shown in features."""
    setting = case.setting
    basis, _ = run_to_completion(choose_features(setting, case.dictionaries, 2 * case.size.heads))
    points = [GradientPoint(share) for share in (0.5, 1.0)]
    scores = run_to_completion(score_mixed_edges(setting, basis, points, "task-attribution", {}))
    case._made["opened"] = setting, basis, scores
    return case._made["opened"]


def _evaluate_opened(case: DeviceCase) -> Any:
    setting, basis, scores = case.made("opened", partial(_open_sites, case))
    bench = evaluation.FeatureBasisBench(setting, basis)
    circuit = scores.greedy(scores.graph.n_edges // 2)
    name = next(node.name for node in scores.graph.nodes if node.name.startswith("m0.f"))
    changes = ({}, {name: Intervention("scale", 2.0), "a0.h0": Intervention("zero")})
    return [run_to_completion(bench.evaluate(circuit, change)) for change in changes]


def _read_opened(case: DeviceCase) -> Any:
    _, basis, scores = case.made("opened", partial(_open_sites, case))
    node = next(node for node in scores.graph.nodes if node.name.startswith("m0.f"))
    return read_basis_node(basis, case.task, node, 1)


def _read_edges(case: DeviceCase) -> Any:
    """Positions and pairs of an edge into a query, a value and an MLP."""
    return [
        run_to_completion(discovery.read_edge_steps(case.setting, edge, 1, "eap-ig", steps=2))
        for edge in ("m0->a1.h1<q>", "a0.h1->a1.h0<v>", "a1.h1->m1")
    ]


def make_table(case: DeviceCase) -> Any:
    """The table of a prompt's nodes."""
    run = features.run_prompt(case.model, [5 + i for i in range(case.size.time)])
    return features.node_table(run, list(case.dictionaries.values()))


def _neurons(case: DeviceCase) -> Any:
    """Neurons as nodes, with a circuit of theirs, changed and measured."""
    bare = features.node_table(case.table.run)
    target = features.logit_target(bare, 7)
    table = features.table_with_neurons(bare, [target], 20)
    circuit = features.local_circuit(features.FeatureEdgeRows(table), target, 1e-9, gate="absolute")
    bench = features.PromptBench(table, target, {"zero": ()})
    names = [table.node(index).name for index in range(len(table))]
    neuron, rest = (next(name for name in names if part in name) for part in (".n", ".error"))
    changes = {neuron: Intervention("zero"), rest: Intervention("scale", 0.5)}
    return circuit.names, bench.evaluate(circuit.names, "zero"), bench.check_interventions(changes)


def _transparent(case: DeviceCase) -> Any:
    """Rows through attention without nodes, by both conventions."""
    run, dictionaries = case.table.run, [d for d in case.dictionaries.values() if d.site.part == "m"]
    graphs = []
    for convention in ("circuitviz", "circuit-tracer"):
        table = features.node_table(run, dictionaries, attention="transparent", convention=convention)
        targets = features.likely_logits(table, max_targets=2)
        steps = features.attribution_graph(features.FeatureEdgeRows(table), targets, max_rows=100)
        graphs.append(run_to_completion(steps).scores())
    return graphs


def _local(case: DeviceCase, method: str = "hierarchical-attribution", **options: Any) -> Any:
    edges, target = features.FeatureEdgeRows(case.table), features.logit_target(case.table, 7)
    return features.local_circuit(edges, target, method=method, gate="absolute", **(options or {"tau": 1e-9}))


def _local_scores(case: DeviceCase) -> Any:
    circuit = _local(case)
    return features.local_circuit_scores(features.FeatureEdgeRows(circuit.table), circuit)


def _attribution_graph(case: DeviceCase) -> Any:
    targets = features.likely_logits(case.table, max_targets=2)
    graph = run_to_completion(
        features.attribution_graph(features.FeatureEdgeRows(case.table), targets, max_rows=100)
    )
    return graph.scores()


def _prompt_bench(case: DeviceCase) -> Any:
    corrupted = features.run_prompt(case.model, [9 + i for i in range(case.size.time)])
    bench = features.PromptBench(
        case.table, features.logit_target(case.table, 7), {"zero": (), "corrupted": [corrupted]}
    )
    names = _local(case).names
    evaluations = [
        bench.evaluate(names, "corrupted", "kept", (), patterns) for patterns in ("free", "frozen")
    ]
    feature, head = (next(n for n in names if part in n) for part in (".f", ".h"))
    changes = {feature: Intervention("zero"), head: Intervention("corrupted")}
    return (
        evaluations,
        bench.check_interventions(changes),
        bench.feature_responses(bench.run_with_changes(bench.resolve_interventions(changes)), names),
        bench.remaining_shares([feature], "corrupted"),
    )


def _steering(case: DeviceCase) -> Any:
    """A feature, a head and a direction at two strengths, four tokens."""
    site = next(iter(case.dictionaries))
    changes = dict.fromkeys((f"{site}.f3", "a0.h1", "resid1"), Intervention("add"))
    directions = {"resid1": (" Mary", " John")}
    query = SteeringQuery("random", "Mary and John", changes, (0.0, 2.0), "all", directions, 4, 0.7)
    return run_to_completion(features.steer_steps(case.model, query, case.dictionaries))


def _channels(case: DeviceCase) -> Any:
    channels = features.edge_channels(
        features.FeatureEdgeRows(case.table), features.logit_target(case.table, 7)
    )
    return channels, features.break_down_attention_score(case.table, 1, 0, 4)


def _dashboards(case: DeviceCase) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        dictionaries = list(case.dictionaries.values())
        run_to_completion(build_index_steps(case.model, dictionaries, case.passages, path)).close()


def _directions(case: DeviceCase) -> Any:
    return [
        (
            token_effects(case.model, dictionary, 3),
            de_embedding_effects(case.model, dictionary, 3),
            nearest_features(dictionary, 3),
        )
        for dictionary in case.dictionaries.values()
    ]


def _traces(case: DeviceCase) -> Any:
    dictionary, rows = case.dictionaries["m0"], case.passages.rows[:6]
    examples = run_to_completion(
        features.find_examples_steps(case.model, dictionary, 3, rows, max_examples=2)
    )
    dictionaries = list(case.dictionaries.values())
    return run_to_completion(
        features.trace_examples_steps(case.model, dictionaries, "m0", 3, examples, nodes=8)
    )


def _train(case: DeviceCase) -> Any:
    recipe = training.DictionaryRecipe(features=32, sparsity=4, steps=3, batch=64, seed=1)
    site = training.parse_site("m1", case.model)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint"
        steps = training.train_dictionaries_steps(case.model, [site], case.passages, recipe, checkpoint)
        (trained,) = run_to_completion(steps).dictionaries
    quality = training.measure_dictionary_steps(case.model, trained, case.passages)
    recovered = training.loss_recovered_steps(case.model, list(case.dictionaries.values()), case.passages)
    return trained.decoder, run_to_completion(quality), run_to_completion(recovered)


Work = Callable[[DeviceCase], Any]

METHODS: dict[str, Work] = {
    "eap": partial(_discover, "eap"),
    "eap-ig": partial(_discover, "eap-ig", steps=2),
    "clean-corrupted": partial(_discover, "clean-corrupted"),
    "relp": partial(_discover, "relp", qk="gradient"),
    "gim": partial(_discover, "gim"),
    "atp-star": partial(_discover, "atp-star", grad_drop=True),
    "learned-ranking": partial(_discover, "learned-ranking", training_steps=3, loss="metric"),
    "ensemble": partial(_discover, "ensemble", members="eap,gim"),
    "attribution-patching": partial(_discover, "attribution-patching"),
    "information-flow-routes": partial(_discover, "information-flow-routes"),
    "eap-ig-activations": partial(_discover, "eap-ig-activations", steps=1),
    "exact": partial(_discover, "exact"),
    "acdc": partial(_discover, "acdc", tau=1.0),
    "activation-patching": partial(_discover, "activation-patching"),
    "path-patching": partial(_discover, "path-patching", receivers="a1.h0<q>,a1.h1<k>,m1;logits", mlps="recomputed"),
    "task-attribution": _open_sites,
}  # fmt: skip
READINGS: dict[str, Work] = {
    "lens-map": lambda case: lens.read_lens_grid(case.model, case.task, "", 1),
    "lens-map-of-node": lambda case: lens.read_lens_grid(case.model, case.task, "a0.h1", 1),
    "node": lambda case: lens.read_node(case.model, case.task, "a0.h1", 1),
    "head": lambda case: lens.read_head(case.model, case.task, "a0.h1", 1),
    "attention": lambda case: lens.read_layer_attention(case.model, case.task, 1),
    "direct-effects": lambda case: run_to_completion(
        lens.direct_logit_attribution_steps(case.model, case.task)
    ),
    "top-tokens": lambda case: lens.read_top_tokens(case.model, case.task, case.model.graph.senders),
    "opened-node": _read_opened,
    "edges": _read_edges,
}
EVALUATIONS: dict[str, Work] = {
    "faithfulness": partial(_evaluate, metric="logit-diff", ablation="corrupted"),
    "faithfulness-zero": partial(_evaluate, metric="prob-diff", ablation="zero"),
    "faithfulness-mean": partial(_evaluate, metric="kl", ablation="mean"),
    "faithfulness-positional": partial(_evaluate, metric="log-prob", ablation="mean-positional"),
    "faithfulness-optimal": _evaluate_optimal,
    "faithfulness-by-span": _evaluate_by_span,
    "exact-by-span": partial(_discover, "exact", by_span=True, receivers="a1.h0<k>,m1"),
    "faithfulness-accuracy": partial(_evaluate, metric="accuracy", ablation="corrupted"),
    "opened-bench": _evaluate_opened,
    "explain-change": _explain_change,
    "backup": partial(_measure, "backup", nodes="a0.h0"),
    "completeness": partial(_measure, "completeness", sets=1, depth=1, candidates=1),
    "stability": partial(_measure, "stability", resamples=2),
    "curve": _curve,
    "generalisation": partial(_measure, "generalisation", splits="prompts"),
    "mib": partial(_measure, "mib", methods="eap", random=0),
    "minimality": partial(_measure, "minimality", sets=0),
    "random": partial(_measure, "random", circuits=2),
    "rivals": partial(_measure, "rivals", number=1, candidates=1, tolerance=100.0),
    "roles": partial(_measure, "roles"),
    "task": partial(_measure, "task"),
    "ablations": partial(_measure_features, "ablations"),
    "predicted": partial(_measure_features, "predicted"),
    "sizes": partial(_measure_features, "sizes"),
    "claim-answer": partial(_claim, "answer"),
    "claim-attention": partial(_claim, "attention", key="1"),
    "claim-role": partial(_claim, "role", role="previous-token"),
    "claim-activation": partial(_claim, "activation"),
    "claim-feature-effect": partial(_claim, "feature-effect"),
}
FEATURES: dict[str, Work] = {
    "table": make_table,
    "local": _local,
    "local-of-size": partial(_local, nodes=10),
    "direct": partial(_local, method="direct-attribution"),
    "local-scores": _local_scores,
    "attribution-graph": _attribution_graph,
    "prompt-bench": _prompt_bench,
    "channels": _channels,
    "steering": _steering,
    "neurons": _neurons,
    "transparent": _transparent,
    "dashboards": _dashboards,
    "directions": _directions,
    "traces": _traces,
    "training": _train,
}
WORKS = METHODS | READINGS | EVALUATIONS | FEATURES
