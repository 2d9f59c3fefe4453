"""Scores and judgements of circuits mixed of heads and features against autograd, prompt by prompt."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_case
from slow_features import random_dictionaries
from slow_mixed_attribution import SlowOpened, Values, difference
from slow_path import DEMO, plain
from slow_rules import Activate, Multiply, Normalise, Softmax, Wrapped

from circuitviz.discovery import RULED_GRADIENTS, discover, make_setting, methods
from circuitviz.discovery.averaged_gradients import GradientPoint
from circuitviz.discovery.mixed_attribution import choose_features, score_mixed_edges
from circuitviz.errors import InputError
from circuitviz.evaluation import IntervenedCircuit, MeasureInput, explain_change_steps, measure_steps
from circuitviz.evaluation.evaluate_circuit import make_bench
from circuitviz.evaluation.feature_basis_bench import FeatureBasisBench
from circuitviz.features.basis_node_reading import read_basis_node
from circuitviz.features.feature_basis import FeatureBasis, load_dictionaries_by_site, parse_sites
from circuitviz.graph import Circuit, Graph, Intervention, ModelShape
from circuitviz.graph.feature_sites import feature_sites, graph_from_nodes, graph_with_features
from circuitviz.options import build_options
from circuitviz.progress import run_to_completion
from circuitviz.tasks import load_task

RANDOM = {
    "jumprelu": {"a1": "jumprelu", "m0": "transcoder"},
    "topk": {"a0": "topk", "m1": "jumprelu_transcoder/stream"},
    "gated": {"a1": "gated", "m1": "transcoder"},
    "streams": {"r0": "standard/written", "r1": "jumprelu/written", "r2": "topk/written"},
    "a stream among others": {"a0": "topk", "r1": "gated/written", "m1": "transcoder"},
}


class Mixed:
    """A model, a task of few prompts, its dictionaries, and the slow twin."""

    def __init__(self, model: Any, hf: Any, task: Any, dictionaries: dict[str, Any], most: int) -> None:
        self.model, self.task, self.dictionaries = model, task, dictionaries
        self.where = make_setting(model, task, "logit-diff", "corrupted")
        self.opening, self.told = run_to_completion(choose_features(self.where, dictionaries, most))
        self.graph = self.opening.graph()
        self.slow = SlowOpened(hf, dictionaries, {n: list(f) for n, f in feature_sites(self.graph).items()})

    def prompt(self, i: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        task, length = self.task, int(self.task.lengths[i])
        return task.clean[i, :length], task.corrupted[i, :length], task.correct[i], task.incorrect[i]

    def scores(self, shares: list[float]) -> np.ndarray[Any, Any]:
        """The definition: mean over prompts of Σ (z_u − a_u) · mean gradient at each receiver's copy."""
        total = np.zeros(self.graph.mask.shape)
        for i in range(len(self.task)):
            clean, corrupted, right, wrong = self.prompt(i)
            with torch.no_grad():
                _, ours, _ = self.slow.run(clean)
                _, theirs, _ = self.slow.run(corrupted)
            for share in shares:
                taps: Values = {}
                embed = theirs["input"] + share * (ours["input"] - theirs["input"])
                logits, _, _ = self.slow.run(clean, embed, taps, constant=True)
                names = list(taps)
                found = torch.autograd.grad(
                    difference(logits, right, wrong), [taps[n] for n in names], allow_unused=True,
                    materialize_grads=True,
                )  # fmt: skip
                gradient = dict(zip(names, found, strict=True))
                for s, sender in enumerate(self.graph.senders):
                    more = ours[sender] - theirs[sender]
                    for r in np.flatnonzero(self.graph.mask[s]):
                        effect = float((more * gradient[self.graph.receivers[r]]).sum())
                        total[s, r] += effect / len(shares) / len(self.task)
        return total

    def metric(self, i: int, kept: set[str]) -> float:
        """The metric of a prompt where every node outside ``kept`` writes what it does when corrupted."""
        clean, corrupted, right, wrong = self.prompt(i)
        with torch.no_grad():
            _, theirs, _ = self.slow.run(corrupted)
            outside = set(self.graph.senders) - kept
            logits, _, _ = self.slow.run(clean, instead=theirs, outside=outside)
        return float(difference(logits, right, wrong))


def tiny_gpt2() -> tuple[Any, Any]:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    from circuitviz.models import from_hugging_face

    torch.manual_seed(1)
    config = GPT2Config(
        n_layer=2, n_head=2, n_embd=16, vocab_size=1300, n_positions=64, initializer_range=0.3,
        attn_implementation="eager",
    )  # fmt: skip
    hf = GPT2LMHeadModel(config).double().eval()
    for name, parameter in hf.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.2)
    return from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "gpt2"), hf


def random_case(kind: str) -> Mixed:
    model, hf = tiny_gpt2()
    task = load_task("ioi", model, prompts=3, seed=1)
    made = {one.site.name: one for one in random_dictionaries(model, RANDOM[kind], features=24)}
    return Mixed(model, hf, task, made, 5)


def demo_case(sites: tuple[str, ...]) -> Mixed:
    model = make_case("demo").model
    task = load_task("ioi", model, prompts=2, seed=3)
    return Mixed(model, plain(DEMO), task, load_dictionaries_by_site(model, "", sites), 6)


CASES = {
    **{kind: lambda kind=kind: random_case(kind) for kind in RANDOM},
    "demo a2, m3": lambda: demo_case(("a2", "m3")),
    "demo a0": lambda: demo_case(("a0",)),
}


@pytest.fixture(scope="module", params=list(CASES))
def mixed(request: pytest.FixtureRequest) -> Mixed:
    return CASES[request.param]()


@pytest.mark.parametrize("shares", [[1.0], [0.0, 0.5]], ids=["clean", "two points"])
def test_scores_are_autograds(mixed: Mixed, shares: list[float]) -> None:
    points = [GradientPoint(share) for share in shares]
    found = run_to_completion(score_mixed_edges(mixed.where, mixed.opening, points, "task-attribution", {}))
    right = mixed.scores(shares)
    size = np.abs(right).max()
    assert size > 1e-3
    assert np.abs(found.values - right).max() < 2e-4 * size
    for site in mixed.dictionaries:  # and each site's features have some of it
        rows = [i for i, name in enumerate(mixed.graph.senders) if name.startswith(f"{site}.f")]
        assert rows and np.abs(right[rows]).max() > 1e-3 * size


def test_a_circuit_is_judged_node_by_node(mixed: Mixed) -> None:
    bench = FeatureBasisBench(mixed.where, mixed.opening)
    senders = mixed.graph.senders
    draw = np.random.default_rng(0)
    for share in (0.3, 0.7):
        kept = {name for name in senders if draw.random() < share}
        edges = np.zeros_like(mixed.graph.mask)
        for name in kept:
            edges[mixed.graph.sender_index[name], -1] = True
        found = run_to_completion(bench.evaluate(Circuit(mixed.graph, edges)))
        each = [mixed.metric(i, kept) for i in range(len(mixed.task))]
        assert found.per_prompt["circuit"] == pytest.approx(each, abs=2e-4)
    model = [mixed.metric(i, set(senders)) for i in range(len(mixed.task))]
    nothing = [mixed.metric(i, set()) for i in range(len(mixed.task))]
    assert found.per_prompt["model"] == pytest.approx(model, abs=2e-4)
    assert found.per_prompt["ablated"] == pytest.approx(nothing, abs=2e-4)


@pytest.mark.parametrize("errors", ["judged", "kept"])
@pytest.mark.parametrize("ablation", ["corrupted", "zero", "mean", "mean-positional"])
def test_full_is_one_and_empty_is_nothing(ablation: str, errors: str) -> None:
    case = random_case("jumprelu")
    bench = FeatureBasisBench(
        make_setting(case.model, case.task, "logit-diff", ablation), case.opening, errors
    )
    assert run_to_completion(bench.evaluate(Circuit.full(case.graph))).faithfulness.value == 1.0
    assert run_to_completion(bench.evaluate(Circuit.empty(case.graph))).faithfulness.value == 0.0


def test_dropped_errors_leave_the_decoders() -> None:
    case = random_case("jumprelu")
    bench = FeatureBasisBench(case.where, case.opening, "dropped")
    found = run_to_completion(bench.evaluate(Circuit.full(case.graph)))
    assert found.per_prompt["model"] == pytest.approx(
        [case.metric(i, set(case.graph.senders)) for i in range(3)], abs=1e-6
    )
    slow = case.slow
    bias = {
        "a1.error": slow.output(1, slow.dictionaries["a1"].decoder_bias[None]),
        "m0.error": slow.dictionaries["m0"].decoder_bias[None],
    }
    for i in range(3):
        clean, _, right, wrong = case.prompt(i)
        with torch.no_grad():
            logits, _, _ = slow.run(clean, instead=bias, outside=bias)
        assert found.per_prompt["circuit"][i] == pytest.approx(float(difference(logits, right, wrong)))


def test_means_leave_padding_out_and_add_up() -> None:
    """Zero and mean ablation of everything, against values that the test takes itself."""
    case = random_case("topk")
    bench = FeatureBasisBench(make_setting(case.model, case.task, "logit-diff", "mean"), case.opening)
    found = run_to_completion(bench.evaluate(Circuit.empty(case.graph)))
    written: dict[str, list[torch.Tensor]] = {}
    for i in range(3):
        with torch.no_grad():
            for name, value in case.slow.run(case.prompt(i)[0])[1].items():
                written.setdefault(name, []).append(value)
    means = {name: torch.cat(rows).mean(0, keepdim=True) for name, rows in written.items()}
    for i in range(3):
        clean, _, right, wrong = case.prompt(i)
        time = torch.zeros(len(clean), 1, dtype=torch.float64)
        with torch.no_grad():
            logits, _, _ = case.slow.run(
                clean, instead={n: m + time for n, m in means.items()}, outside=set(case.graph.senders)
            )
        assert found.per_prompt["circuit"][i] == pytest.approx(float(difference(logits, right, wrong)))


def test_what_an_opened_site_sends_is_what_its_heads_sent() -> None:
    """Opening a site is a zoom: downstream, its parts add up; edges past it stay as they were."""
    case = make_case("demo")
    heads = discover(case.model, case.task, "eap-ig")
    opened = discover(case.model, case.task, "task-attribution", sites="a2", features=12)
    old, new = heads.graph, opened.graph
    assert feature_sites(new).keys() == {"a2"} and len(feature_sites(new)["a2"]) == 12
    for name in ("logits", "m2", "m3", "a3.h1<q>", "a3.h5<k>", "a3.h6<v>"):
        before = sum(heads.values[old.sender_index[f"a2.h{h}"], old.receiver_index[name]] for h in range(8))
        rows = [i for i, sender in enumerate(new.senders) if sender.startswith("a2.")]
        assert opened.values[rows, new.receiver_index[name]].sum() == pytest.approx(before, abs=1e-5)
        for sender in ("input", "a0.h1", "m1", *(["m2"] if name not in ("m2",) else [])):
            ours = opened.values[new.sender_index[sender], new.receiver_index[name]]
            theirs = heads.values[old.sender_index[sender], old.receiver_index[name]]
            assert ours == pytest.approx(theirs, abs=1e-5)
    plain_scores = discover(case.model, case.task, "task-attribution", sites="")
    assert plain_scores.graph is old and np.allclose(plain_scores.values, heads.values)


def test_interventions_change_features_errors_and_heads() -> None:
    case = random_case("jumprelu")
    bench = FeatureBasisBench(case.where, case.opening)
    whole = Circuit.full(case.graph)
    name = next(n for n in case.graph.senders if n.startswith("a1.f"))
    zero = make_setting(case.model, case.task, "logit-diff", "zero")
    without = run_to_completion(FeatureBasisBench(zero, case.opening).evaluate(whole.ablate([name])))
    scaled = run_to_completion(bench.evaluate(whole, {name: Intervention("scale", 0.0)}))
    assert scaled.per_prompt["circuit"] == pytest.approx(without.per_prompt["circuit"], abs=1e-9)
    for other in (name, "m0.error", "a0.h1", "m1"):
        out = run_to_completion(bench.evaluate(whole.ablate([other])))
        put = run_to_completion(bench.evaluate(whole, {other: Intervention("corrupted")}))
        assert put.per_prompt["circuit"] == pytest.approx(out.per_prompt["circuit"], abs=1e-9)
        assert put.per_prompt["circuit"] != pytest.approx(put.per_prompt["model"], abs=1e-6)


def test_a_cancelled_search_keeps_scores_of_the_opened_graph() -> None:
    case = make_case("demo")
    from circuitviz.discovery import discover_steps

    steps = discover_steps(case.model, case.task, "task-attribution", sites="m3", features=4)
    partial = next(step.partial for step in steps if step.partial is not None)
    assert partial.partial and feature_sites(partial.graph).keys() == {"m3"}
    assert partial.greedy(20).n_edges == 20


def test_names_and_graphs() -> None:
    shape = ModelShape(3, 2, 8)
    graph = graph_with_features(shape, {"a1": [4, 9], "m2": [7]}, {"a1": "one"})
    assert graph.senders == (
        "input", "a0.h0", "a0.h1", "m0", "a1.f4", "a1.f9", "a1.error", "m1", "a2.h0", "a2.h1",
        "m2.f7", "m2.error",
    )  # fmt: skip
    assert graph.edge("a0.h0->a1.f4<q>") and graph.edge("a1.error->m2.f7") and graph.edge("m2.error->logits")
    assert graph.channel(graph.receiver_index["a1.f9<k>"]) == "k"
    assert {n.name for n, root in zip(graph.nodes, graph.roots, strict=True) if root} == {
        "input", "a1.error", "m2.error",
    }  # fmt: skip
    for wrong in ("a1.f4->a1.f9<q>", "a1.f4->a0.h0<q>", "m2.f7->m2.f7"):
        with pytest.raises(InputError):
            graph.edge(wrong)
    again = graph_from_nodes(shape, graph.nodes)
    assert again.same_as(graph) and again.receivers == graph.receivers
    assert feature_sites(Graph.transformer(shape)) == {}
    parallel = graph_with_features(ModelShape(2, 2, 8, parallel=True), {"m1": [0]}, {})
    with pytest.raises(InputError):
        parallel.edge("a1.h0->m1.f0")


@pytest.mark.parametrize(
    "nodes",
    [
        lambda n: n[:1] + n[2:],
        lambda n: (n[1], n[0], *n[2:]),
        lambda n: n[:-2] + n[-1:],
        lambda n: n + n[-1:],
        lambda n: n[:5] + n[6:],
    ],
    ids=["a head is missing", "turned round", "an MLP is missing", "twice", "an error is missing"],
)
def test_nodes_that_are_no_model_are_refused(nodes: Any) -> None:
    shape = ModelShape(3, 2, 8)
    with pytest.raises(InputError, match="once"):
        graph_from_nodes(shape, nodes(graph_with_features(shape, {"a1": [4]}, {}).nodes))


def test_a_stream_cuts_the_graph() -> None:
    """What is after an SAE of the stream reads its nodes alone; its error reads, too."""
    shape = ModelShape(3, 2, 8)
    graph = graph_with_features(shape, {"r1": [4], "r3": [0, 2], "m1": [5]}, {"r1": "one"})
    assert graph.senders == (
        "input", "a0.h0", "a0.h1", "m0", "r1.f4", "r1.error", "a1.h0", "a1.h1", "m1.f5", "m1.error",
        "a2.h0", "a2.h1", "m2", "r3.f0", "r3.f2", "r3.error",
    )  # fmt: skip

    def into(receiver: str) -> list[str]:
        column = graph.mask[:, graph.receiver_index[receiver]]
        return [graph.senders[i] for i in np.flatnonzero(column)]

    assert into("r1.f4") == into("r1.error") == ["input", "a0.h0", "a0.h1", "m0"]
    assert into("m1.f5") == ["r1.f4", "r1.error", "a1.h0", "a1.h1"]
    assert into("r3.f2") == list(graph.senders[4:13])
    assert into("logits") == ["r3.f0", "r3.f2", "r3.error"]
    again = graph_from_nodes(shape, graph.nodes)
    assert again.same_as(graph) and feature_sites(graph) == {"r1": (4,), "m1": (5,), "r3": (0, 2)}
    with pytest.raises(InputError, match="or r0 to r3, would be right"):
        graph_with_features(shape, {"r4": [1]}, {})


def test_scores_of_a_llama_are_its_gradient_at_the_stream() -> None:
    """Of ``input`` into features and error of the stream after the first block: by plain autograd."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from circuitviz.models import from_hugging_face

    torch.manual_seed(3)
    config = LlamaConfig(
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, hidden_size=32,
        intermediate_size=48, vocab_size=1300, initializer_range=0.25, attn_implementation="eager",
    )  # fmt: skip
    hf = LlamaForCausalLM(config).double().eval()
    plain_twin = copy.deepcopy(hf)
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "meta-llama/Llama-3.1-8B")
    task = load_task("ioi", model, prompts=2, seed=1)
    made = {one.site.name: one for one in random_dictionaries(model, {"r1": "jumprelu/written"}, features=24)}
    setting = make_setting(model, task, "logit-diff", "corrupted")
    opening, _ = run_to_completion(choose_features(setting, made, 5))
    scores = run_to_completion(
        score_mixed_edges(setting, opening, [GradientPoint(1.0)], "task-attribution", {})
    )
    graph, one, right = scores.graph, made["r1"], {}
    for i in range(len(task)):
        length, streams = int(task.lengths[i]), []
        tokens = task.clean[i : i + 1, :length]

        def keep(_module: Any, args: Any, kwargs: Any, streams: Any = streams) -> Any:
            x = (args[0] if args else kwargs["hidden_states"]).detach().requires_grad_()
            streams.append(x)
            return ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x})

        handle = plain_twin.model.layers[1].register_forward_pre_hook(keep, with_kwargs=True)
        logits = plain_twin(tokens).logits[0, -1]
        handle.remove()
        (gradient,) = torch.autograd.grad(difference(logits, task.correct[i], task.incorrect[i]), streams)
        embed = plain_twin.model.embed_tokens
        more = (embed(tokens) - embed(task.corrupted[i : i + 1, :length]))[0].detach()
        left = gradient[0].clone()
        for feature in feature_sites(graph)["r1"]:
            active = (streams[0][0] @ one.encoder + one.bias > one.threshold.clamp_min(0))[:, feature]
            through = (gradient[0] @ one.decoder[feature] * active)[:, None] * one.encoder[:, feature]
            left = left - through
            name = f"r1.f{feature}"
            right[name] = right.get(name, 0.0) + float((more * through).sum()) / len(task)
        right["r1.error"] = right.get("r1.error", 0.0) + float((more * left).sum()) / len(task)
    assert max(map(abs, right.values())) > 1e-3
    for name, value in right.items():
        ours = scores.values[graph.sender_index["input"], graph.receiver_index[name]]
        assert ours == pytest.approx(value, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sites": "b2"}, "no site"),
        ({"sites": "a9"}, "no dictionary of 'a9'"),
        ({"sites": "a2", "dictionaries": "nowhere"}, "nowhere"),
        ({"sites": "a2", "errors": "ignored"}, "judged"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(options: dict[str, str], told: str) -> None:
    case = make_case("demo")
    with pytest.raises(InputError, match=told):
        discover(case.model, case.task, "task-attribution", **options)


def test_sites_are_parsed_by_layer() -> None:
    assert parse_sites(" m3, a2;a2 ") == ("a2", "m3") and parse_sites("") == ()


def test_a_bench_says_what_it_lacks() -> None:
    case = make_case("demo")
    graph = graph_with_features(case.model.shape, {"a2": [5000]}, {})
    with pytest.raises(InputError, match=r"a2\.f5000"):
        make_bench(make_setting(case.model, case.task), graph, {})
    with pytest.raises(InputError, match="no dictionary of a2"):
        FeatureBasis.from_graph(case.model, graph, {})


def test_features_and_errors_of_a_site_are_read_as_its_heads_are(mixed: Mixed) -> None:
    """Direct logit attributions of all parts of a site add up to those of what it writes."""
    for site in mixed.dictionaries:
        parts = [node for node in mixed.graph.nodes if node.name.startswith(f"{site}.")]
        found = [read_basis_node(mixed.opening, mixed.task, node, 1) for node in parts]
        clean, _, right, wrong = mixed.prompt(1)
        with torch.no_grad():
            _, out, _ = mixed.slow.run(clean)
            norm, weight = mixed.slow.body.ln_f, mixed.slow.hf.lm_head.weight
            _, whole, _ = SlowOpened(mixed.slow.hf, {}, {}).run(clean)
            last = sum(v[-1] for n, v in whole.items()) + mixed.slow.body.wpe.weight[len(clean) - 1]
            last = last + sum(block.attn.c_proj.bias for block in mixed.slow.body.h)
            scale = (last.var(unbiased=False) + norm.eps).sqrt()
            for reading in found:
                made = out[reading.node][-1]
                logits = weight @ ((made - made.mean()) / scale * norm.weight)
                direct = float(difference(logits, right, wrong))
                assert reading.direct_logit_attribution == pytest.approx(direct, abs=2e-4)
        assert len(found[0].top) == 10 and found[0].tokens == mixed.task.prompt_strings(1)


def test_measures_of_whole_circuits_take_opened_ones_and_others_say_why_not() -> None:
    case = random_case("jumprelu")
    scores = run_to_completion(
        score_mixed_edges(case.where, case.opening, [GradientPoint()], "task-attribution", {})
    )
    bench = FeatureBasisBench(case.where, case.opening)
    subject = MeasureInput(bench, scores.greedy(30), scores)
    points = run_to_completion(measure_steps("curve", subject)).as_dict()["points"]
    assert points[-1]["value"] == 1.0
    sets = run_to_completion(measure_steps("completeness", subject, sets=2, depth=1, candidates=2)).as_dict()[
        "sets"
    ]
    assert len(sets) == 3 and all(one["gap"] >= 0 for one in sets)
    assert run_to_completion(measure_steps("minimality", subject, sets=2)).as_dict()
    assert run_to_completion(
        measure_steps("roles", subject)
    ).as_dict()  # of every head, whatever the circuit shows
    with pytest.raises(InputError, match="opened into features"):
        measure_steps("backup", subject)


def test_robustness_judges_opened_circuits_by_their_nodes_in_every_setting() -> None:
    case = random_case("jumprelu")
    scores = run_to_completion(
        score_mixed_edges(case.where, case.opening, [GradientPoint()], "task-attribution", {})
    )
    circuit = scores.greedy(12)
    cells = run_to_completion(
        measure_steps(
            "robustness", MeasureInput(FeatureBasisBench(case.where, case.opening), circuit, scores)
        )
    ).cells
    assert {cell.patched for cell in cells} == {"nodes"} and len(
        {(c.ablation, c.metric) for c in cells}
    ) == len(cells)
    everything, inside = set(case.graph.senders), set(circuit.node_names)
    assert inside - {"logits"} < everything
    each = [
        [case.metric(i, kept) for kept in (everything, inside, set[str]())] for i in range(len(case.task))
    ]
    whole, ours, nothing = np.mean(each, axis=0)
    found = {(cell.ablation, cell.metric): cell.faithfulness.value for cell in cells}
    assert found["corrupted", "logit-diff"] == pytest.approx((ours - nothing) / (whole - nothing), abs=1e-6)
    for ablation in ("zero", "mean"):
        where = make_setting(case.model, case.task, "logit-diff", ablation)
        alone = run_to_completion(FeatureBasisBench(where, case.opening).evaluate(circuit)).faithfulness.value
        assert (
            found[ablation, "logit-diff"] == pytest.approx(alone, abs=1e-9)
            and alone != found["corrupted", "logit-diff"]
        )


def test_stability_holds_edges_of_opened_circuits_against_each_other_by_name() -> None:
    """Each resample lists features of its own, so the graphs differ."""
    case = make_case("demo")
    options = {"sites": "m3", "features": 5, "steps": 1}
    scores = discover(case.model, case.task, "task-attribution", **options)
    circuit = scores.greedy(60)
    subject = MeasureInput(
        make_bench(make_setting(case.model, case.task), scores.graph, scores.options), circuit, scores
    )
    found = run_to_completion(measure_steps("stability", subject, resamples=3, seed=1))
    random, sets = np.random.default_rng(1), []
    for _ in range(3):
        rows = np.sort(random.integers(len(case.task), size=len(case.task))).tolist()
        again = discover(case.model, case.task.subset(rows), "task-attribution", **options)
        sets.append(set(again.greedy(60).edge_names))
    features = [
        {name for edge in edges for name in edge.split("->") if name.startswith("m3.f")} for edges in sets
    ]
    assert features[0] != features[1] or features[0] != features[2], "so this is worth a test"
    every = set.union(*sets)
    assert found.edges == {edge: pytest.approx(sum(edge in one for one in sets) / 3) for edge in every}
    alike = [len(a & b) / len(a | b) for a, b in ((sets[0], sets[1]), (sets[0], sets[2]), (sets[1], sets[2]))]
    assert found.mean_iou == pytest.approx(np.mean(alike))
    ours = set(circuit.edge_names)
    assert found.iou_with_circuit == pytest.approx([len(ours & one) / len(ours | one) for one in sets])


def test_what_changed_is_told_by_prompt() -> None:
    case = random_case("jumprelu")
    bench, whole = FeatureBasisBench(case.where, case.opening), Circuit.full(case.graph)
    name = next(n for n in case.graph.senders if n.startswith("a1.f"))
    found = run_to_completion(
        explain_change_steps(bench, IntervenedCircuit(whole), IntervenedCircuit(whole.ablate([name])))
    )
    kept = set(case.graph.senders)
    for told in found.prompts:
        assert told.before == pytest.approx(case.metric(told.prompt, kept), abs=1e-6)
        assert told.after == pytest.approx(case.metric(told.prompt, kept - {name}), abs=1e-6)
    assert found.heads == []


class RuledOpened(SlowOpened):
    """The same pass with the backward rules of RelP or GIM."""

    def __init__(self, slow: SlowOpened, gradient: str) -> None:
        super().__init__(slow.hf, slow.dictionaries, slow.listed)
        self.gradient = gradient
        for name, module in list(self.hf.named_modules()):
            if "Norm" in type(module).__name__:
                self.hf.set_submodule(name, Wrapped(Normalise, module))
            elif type(module).__module__ == "transformers.activations" and gradient != "gim":
                self.hf.set_submodule(name, Wrapped(Activate, module))

    def z(
        self, layer: int, q: list[torch.Tensor], k: list[torch.Tensor], v: list[torch.Tensor]
    ) -> torch.Tensor:
        """Values of all heads, with the method's softmax and products."""
        block, found = self.body.h[layer], []
        multiply = Multiply.apply if self.gradient == "gim" else torch.matmul
        for head in range(self.config.n_head):
            made = []
            for channel, x in enumerate((q[head], k[head], v[head])):
                at = channel * self.config.n_embd + head * self.size
                rows = slice(at, at + self.size)
                made.append(block.ln_1(x) @ block.attn.c_attn.weight[:, rows] + block.attn.c_attn.bias[rows])
            scores = multiply(made[0], made[1].T) / self.size**0.5
            scores = scores + torch.full_like(scores, float("-inf")).triu(1)
            pattern = Softmax.apply(scores) if self.gradient == "gim" else scores.softmax(-1)
            found.append(multiply(pattern.detach() if self.gradient == "relp" else pattern, made[2]))
        return torch.stack(found, 1)


@pytest.mark.parametrize("gradient", list(RULED_GRADIENTS))
def test_scores_by_rules_are_autograds_with_the_rules(mixed: Mixed, gradient: str) -> None:
    method, options = RULED_GRADIENTS[gradient]
    entry = methods.get(method)
    rules = entry.extra["rules"](build_options(entry.options, options))
    found = run_to_completion(
        score_mixed_edges(mixed.where, mixed.opening, [GradientPoint()], "task-attribution", {}, rules)
    )
    ruled = copy.copy(mixed)
    ruled.slow = RuledOpened(mixed.slow, gradient)
    right = ruled.scores([1.0])
    assert np.allclose(found.values, right, atol=2e-4 * np.abs(right).max())
    ordinary = run_to_completion(
        score_mixed_edges(mixed.where, mixed.opening, [GradientPoint()], "task-attribution", {})
    )
    assert np.abs(ordinary.values - right).max() > 1e-2 * np.abs(right).max()
