"""SAEs of the residual stream in circuits of one prompt, against autograd with frozen parts."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
import torch
from slow_features import GatedBackward, SlowEdges, random_dictionaries
from slow_path import DEMO
from torch import Tensor

from circuitviz.__main__ import main
from circuitviz.dtypes import default_offload
from circuitviz.errors import InputError
from circuitviz.features import (
    Dictionary,
    FeatureEdgeRows,
    PromptBench,
    check_interventions,
    direction_target,
    local_circuit,
    logit_target,
    node_table,
    node_target,
    resolve_interventions,
    run_prompt,
    run_with_changes,
    target_value_in,
)
from circuitviz.features.frozen_effects import frozen_change, predicted_change, total_effects_by_stage
from circuitviz.formats import import_document, open_document
from circuitviz.graph import Intervention, NodeKind
from circuitviz.resources import resource_path

IDS, TOKEN = [0, 5, 9, 21, 4, 33, 8], 7
CLOSE = 2e-7  # the normalisations of Hugging Face's Llama compute in float32
RESIDUAL = {
    "r0": "standard/written",
    "r1": "jumprelu/written",
    "r2": "topk/written",
    "r3": "gated/written/centred",
}


class ResidualWalk(SlowEdges):
    """The frozen forward pass in which the stream at an SAE of it is what the SAE's nodes write."""

    def stream(self, stage: int) -> Tensor:
        first = max((4 * int(s[1:]) + 1 for s in self.table.dictionaries if s[0] == "r"
                     and 4 * int(s[1:]) + 1 < stage), default=0)  # fmt: skip
        x = torch.zeros(self.run.time, self.table.written.shape[1], dtype=torch.float64)
        read = (self.stage < stage) & (self.stage >= first)
        return x.index_add(0, self.at[read], self.factors[read, None] * self.table.written[read])

    def _reads(self, dictionary: Dictionary) -> Tensor:
        if dictionary.site.part != "r":
            return super()._reads(dictionary)
        x = self.stream(4 * dictionary.site.layer + 1)
        return x - x.mean(-1, keepdim=True) * dictionary.processing.center_writing_weights


class Opened:
    def __init__(self, case: Any, kinds: dict[str, str]) -> None:
        self.case, self.hf, self.model = case, case.hf, case.model
        self.dictionaries = random_dictionaries(case.model, kinds)
        self.run = run_prompt(case.model, IDS)
        self.table = node_table(self.run, self.dictionaries)
        self.target = logit_target(self.table, TOKEN)

    def walk(self) -> ResidualWalk:
        return ResidualWalk(self.hf, self.table)


@pytest.fixture(scope="module", params=["streams", "mixed", "last"])
def opened(request: pytest.FixtureRequest, gpt2_features: Any) -> Opened:
    """SAEs of the stream alone, among others, and of the first and the last stream."""
    kinds = {
        "streams": RESIDUAL,
        "mixed": {"a0": "standard", "r1": "topk/written", "m1": "skip_transcoder", "a2": "gated",
                  "r2": "jumprelu/written", "m2": "transcoder"},
        "last": {"r0": "topk/written", "m0": "transcoder", "r3": "jumprelu/written/centred"},
    }  # fmt: skip
    return Opened(gpt2_features, kinds[request.param])


def test_rows_equal_a_walk_and_add_up(opened: Opened) -> None:
    table, edges, slow = opened.table, FeatureEdgeRows(opened.table), opened.walk()
    readers = np.flatnonzero(~table.is_leaf)
    for node in readers[:: max(1, len(readers) // 25)]:
        (row,), (constant,) = edges.rows([node])
        right, rest = slow.row(slow.pre_activation(int(node)))
        torch.testing.assert_close(row, right, rtol=1e-6, atol=1e-9)
        assert float(constant) == pytest.approx(float(rest), abs=1e-8)
        assert float(row.sum() + constant) == pytest.approx(float(table.activation[node]), rel=1e-6)
    row, constant = edges.row_into(opened.target)
    torch.testing.assert_close(row, slow.row(slow.logit(TOKEN))[0], rtol=1e-6, atol=1e-9)
    assert float(row.sum()) + constant == pytest.approx(opened.target.value, rel=1e-9)


def test_edges_are_between_consecutive_saes_alone(gpt2_features: Any) -> None:
    """With SAEs of every stream, a feature reads nothing from before the stream below it."""
    table = node_table(run_prompt(gpt2_features.model, IDS), random_dictionaries(gpt2_features.model, RESIDUAL),
                       attention="transparent")  # fmt: skip
    for layer in (1, 2, 3):
        node = int(table.features_at(f"r{layer}", 6)[0])
        (row,), _ = FeatureEdgeRows(table).rows([node])
        sources = {(table.node(int(i)).site, table.node(int(i)).layer) for i in np.flatnonzero(row.numpy())}
        assert sources == {("r", layer - 1), ("a", layer - 1), ("m", layer - 1)}  # of these, biases and MLPs
        kinds = {table.node(int(i)).kind for i in np.flatnonzero(row.numpy())}
        assert kinds == {NodeKind.FEATURE, NodeKind.ERROR, NodeKind.BIAS, NodeKind.MLP}


@pytest.mark.parametrize("gate", ["signed", "absolute"])
def test_hierarchical_attribution_equals_a_gated_backward_pass(opened: Opened, gate: str) -> None:
    top = float(FeatureEdgeRows(opened.table).row_into(opened.target)[0].abs().max())
    ours = local_circuit(FeatureEdgeRows(opened.table), opened.target, tau=top / 20, gate=gate)
    gated = GatedBackward(opened.walk(), top / 20, gate)
    right = gated.run(gated.slow.logit(TOKEN))
    torch.testing.assert_close(ours.attribution, right, rtol=1e-6, atol=1e-9)
    assert ours.ledger.total == pytest.approx(opened.target.value, rel=1e-9)


def test_effects_are_those_of_all_paths(opened: Opened) -> None:
    """The sweep over rows with nothing dropped, and both predictions of changes, agree."""
    effects, _ = total_effects_by_stage(opened.table, opened.target)
    clear = node_table(opened.run, opened.dictionaries, attention="transparent")  # no head shares by its own
    target = logit_target(clear, TOKEN)
    swept = local_circuit(FeatureEdgeRows(clear), target, tau=0.0, gate="absolute").attribution
    torch.testing.assert_close(total_effects_by_stage(clear, target)[0], swept, rtol=1e-5, atol=1e-8)
    sites = [one.site.name for one in opened.dictionaries if one.site.is_residual]
    names = [opened.table.node(int(opened.table.features_at(site, 6)[0])).name for site in sites]
    names += [f"{sites[0]}.error@6", "token@2"]
    for chosen in ([name] for name in names), [names]:
        for some in chosen:
            changes = resolve_interventions(opened.table, {name: Intervention("scale", 0.4) for name in some})
            predicted = predicted_change(opened.table, opened.target, changes)
            frozen = frozen_change(opened.table, opened.target, changes)
            assert predicted == pytest.approx(frozen, rel=1e-6, abs=1e-9)
            if len(some) == 1:
                effect = float(effects[opened.table.index(some[0])])
                assert frozen == pytest.approx(-0.6 * effect, rel=1e-6, abs=1e-9)


def test_features_of_the_stream_are_targets(opened: Opened) -> None:
    site = max(one.site.name for one in opened.dictionaries if one.site.is_residual)
    node = opened.table.node(int(opened.table.features_at(site, 6)[0])).name
    target = node_target(opened.table, node)
    assert target_value_in(opened.run, opened.table, target) == pytest.approx(target.value)
    ledger = local_circuit(FeatureEdgeRows(opened.table), target, nodes=30).ledger
    assert ledger.total == pytest.approx(target.value, rel=1e-9)
    changes = resolve_interventions(opened.table, {"token@6": Intervention("scale", 0.0)})
    frozen = frozen_change(opened.table, target, changes)
    assert predicted_change(opened.table, target, changes) == pytest.approx(frozen, rel=1e-7, abs=1e-9)


class Llama:
    """A random Llama with grouped queries and SAEs of three of its streams; its plain twin in float64."""

    def __init__(self) -> None:
        from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

        from circuitviz.models import from_hugging_face

        torch.manual_seed(3)
        config = LlamaConfig(
            num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, hidden_size=32,
            intermediate_size=48, vocab_size=1300, initializer_range=0.25, attn_implementation="eager",
        )  # fmt: skip
        hf = LlamaForCausalLM(config).double().eval()
        self.hf = copy.deepcopy(hf)
        model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "meta-llama/Llama-3.1-8B")
        kinds = {"r1": "jumprelu/written", "r2": "topk/written", "r3": "standard/written"}
        self.dictionaries = {one.site.name: one for one in random_dictionaries(model, kinds)}
        self.table = node_table(run_prompt(model, IDS), self.dictionaries.values(), attention="transparent")
        with torch.no_grad():
            out = self.hf(torch.tensor([IDS]), output_attentions=True, output_hidden_states=True)
        self.patterns = [one[0] for one in out.attentions]
        self.streams = [one[0] for one in out.hidden_states[:-1]]

    def block(self, layer: int, x: Tensor) -> Tensor:
        """One block with pattern and scale held, and its MLP's output a constant."""
        block, held = self.hf.model.layers[layer], self.streams[layer]
        norm = block.input_layernorm
        scale = (held.square().mean(-1, keepdim=True) + norm.variance_epsilon).sqrt()
        value = block.self_attn.v_proj(x / scale * norm.weight).view(len(IDS), 2, 8)
        mixed = torch.einsum("hts,she->the", self.patterns[layer], value.repeat_interleave(2, 1))
        with torch.no_grad():
            heads = torch.einsum("hts,she->the", self.patterns[layer], block.self_attn.v_proj(
                held / scale * norm.weight).view(len(IDS), 2, 8).repeat_interleave(2, 1))  # fmt: skip
            middle = held + block.self_attn.o_proj(heads.flatten(1))
            mlp = block.mlp(block.post_attention_layernorm(middle))
        return x + block.self_attn.o_proj(mixed.flatten(1)) + mlp

    def logit(self, change: Any = None, errors: str = "kept", frozen: bool = False) -> float:
        """The plain model's logit where features [time, features] at each SAE are replaced by ``change``."""

        def hook(layer: int, args: Any, kwargs: Any) -> Any:
            one, x = self.dictionaries[f"r{layer}"], (args[0] if args else kwargs["hidden_states"])
            old = one.encode(x[0])
            new = old if change is None else change(layer, old.clone())
            rebuilt = new @ one.decoder + one.decoder_bias
            kept = x[0] - old @ one.decoder - one.decoder_bias if errors == "kept" else 0
            x = (rebuilt + kept)[None]
            return ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x})

        points = {1: self.hf.model.layers[1], 2: self.hf.model.layers[2], 3: self.hf.model.norm}
        handles = [
            module.register_forward_pre_hook(lambda _m, a, k, i=layer: hook(i, a, k), with_kwargs=True)
            for layer, module in points.items()
        ]
        with torch.no_grad():
            value = float(self.hf(torch.tensor([IDS])).logits[0, -1, TOKEN])
        for handle in handles:
            handle.remove()
        return value


@pytest.fixture(scope="module")
def llama() -> Llama:
    return Llama()


def test_rows_of_a_llama_are_autograds_through_its_frozen_blocks(llama: Llama) -> None:
    table, edges = llama.table, FeatureEdgeRows(llama.table)
    for layer in (2, 3):
        before, one = f"r{layer - 1}", llama.dictionaries[f"r{layer}"]
        sources = np.flatnonzero(table.stage == 4 * (layer - 1) + 1)
        factors = torch.ones(len(sources), dtype=torch.float64, requires_grad=True)
        at = torch.from_numpy(table.position[sources].astype(np.int64))
        x = torch.zeros(len(IDS), 32).double().index_add(0, at, factors[:, None] * table.written[sources])
        torch.testing.assert_close(x.detach(), llama.streams[layer - 1])
        x = llama.block(layer - 1, x)
        for position in (3, 6):
            for row in table.features_at(f"r{layer}", position)[:4]:
                item = int(table.item[row])
                (right,) = torch.autograd.grad(x[position] @ one.encoder[:, item], factors, retain_graph=True)
                (ours,), _ = edges.rows([int(row)])
                torch.testing.assert_close(ours[sources], right, rtol=1e-7, atol=1e-10)
                assert np.abs(right.numpy()).max() > 1e-3, before


@pytest.mark.parametrize("errors", ["kept", "dropped"])
def test_changed_features_are_changed_in_the_real_model(llama: Llama, errors: str) -> None:
    table, target = llama.table, logit_target(llama.table, TOKEN)
    row = int(table.features_at("r1", 6)[0])
    item = int(table.item[row])

    def change(layer: int, activation: Tensor) -> Tensor:
        if layer == 1:
            activation[6, item] = 4.0
        return activation

    found = check_interventions(
        table, target, {table.node(row).name: Intervention("set", 4.0)}, errors=errors
    )
    before, after = llama.logit(None, errors), llama.logit(change, errors)
    assert found.before == pytest.approx(before, rel=CLOSE)
    assert found.free == pytest.approx(after - before, rel=10 * CLOSE) and abs(found.free) > 1e-4


@pytest.mark.parametrize("errors", ["kept", "dropped"])
def test_what_is_outside_a_circuit_is_ablated(llama: Llama, errors: str) -> None:
    table, target = llama.table, logit_target(llama.table, TOKEN)
    names = [table.node(i).name for i in range(len(table))]
    features = [n for i, n in enumerate(names) if table.node(i).kind is NodeKind.FEATURE]
    inside = features[::2] + [n for i, n in enumerate(names) if table.node(i).kind is NodeKind.MLP]
    masks = {layer: torch.zeros(len(IDS), 60, dtype=torch.bool) for layer in (1, 2, 3)}
    for name in features[::2]:
        node = table.node(table.index(name))
        masks[node.layer][node.position, node.feature] = True
    right = llama.logit(lambda layer, activation: activation * masks[layer], errors)
    bench = PromptBench(table, target)
    assert bench.circuit_value(inside, "zero", errors) == pytest.approx(right, rel=CLOSE)


def test_zeroed_features_and_errors_leave_the_decoder_bias(llama: Llama) -> None:
    names = [llama.table.node(int(i)).name for p in range(len(IDS)) for i in llama.table.features_at("r2", p)]
    names += [f"r2.error@{p}" for p in range(len(IDS))]
    changes = resolve_interventions(llama.table, {name: Intervention("zero") for name in names})
    changed = run_with_changes(llama.table, changes)
    bias = llama.dictionaries["r2"].decoder_bias
    torch.testing.assert_close(changed.stream(2), bias.expand(len(IDS), -1))


def test_graphs_of_circuit_tracer_have_none(llama: Llama) -> None:
    with pytest.raises(InputError, match="is an SAE of the residual stream, which graphs of circuit-tracer"):
        node_table(llama.table.run, llama.dictionaries.values(), convention="circuit-tracer")


def test_the_demos_saes_make_circuits_that_files_keep(tmp_path: Any, capsys: Any) -> None:
    """Of a prompt and over a task, from the command line, and with features of the stream taken out."""

    folder, path = str(resource_path("demo", "residual")), tmp_path / "prompt.circuit"
    prompt = "When Mary and John went to the store, John gave a drink to"
    assert main(["local-circuit", "-m", "demo", "-p", prompt, "--target", " Mary", "--nodes", "20",
                 "--dictionaries", folder, "-o", str(path)]) == 0  # fmt: skip
    graph = open_document(path).state.circuit.graph
    features = [node for node in graph.nodes if node.site == "r" and node.kind is NodeKind.FEATURE]
    assert {node.layer for node in features} == {2, 3} and {node.depth for node in features} == {4.5, 6.5}
    assert main(["export", str(path), "-o", str(tmp_path / "prompt.graph.json")]) == 0
    again = import_document(tmp_path / "prompt.graph.json").state.circuit.graph
    assert [node.name for node in again.nodes if node.site == "r"] == [
        node.name for node in graph.nodes if node.site == "r"
    ]
    path = tmp_path / "task.circuit"
    assert main(["discover", "-m", "demo", "-t", "ioi", "--method", "task-attribution", "--sites", "r2,r3",
                 "--dictionaries", folder, "--edges", "30", "--prompts", "4", "-o", str(path)]) == 0  # fmt: skip
    graph = open_document(path).state.circuit.graph
    assert [node.name for node in graph.nodes if node.kind is NodeKind.ERROR] == ["r2.error", "r3.error"]
    assert not graph.roots[graph.node_index["r3.error"]]  # what is before passes through it
    capsys.readouterr()
    assert main(["evaluate", str(path), "--json"]) == 0
    in_memory = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(path), "--json", "--offload", "disk"]) == 0
    assert json.loads(capsys.readouterr().out)["faithfulness"] == in_memory["faithfulness"]
    assert default_offload() == "none"
    assert main(["export", str(path), "-o", str(tmp_path / "task.graphml")]) == 0
    listed = import_document(tmp_path / "task.graphml").state.circuit.graph
    assert {node.name for node in listed.nodes if node.site == "r"} >= {"r2.error", "r3.error"}


def test_a_direction_between_two_texts_is_a_target(opened: Opened) -> None:
    """Its row is autograd's through the frozen pass, and it adds up, also from an SAE of the stream on."""
    direction = torch.randn(32, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    slow = opened.walk()
    for layer, position in ((1, 4), (2, 6), (3, 6)):
        target = direction_target(opened.table, layer, position, direction)
        x = slow.stream(4 * layer + 1)[position]
        right, rest = slow.row(x @ direction / (direction @ direction))
        row, constant = FeatureEdgeRows(opened.table).row_into(target)
        torch.testing.assert_close(row, right, rtol=1e-6, atol=1e-9)
        assert constant == 0 and float(rest) == pytest.approx(0, abs=1e-9)
        assert float(row.sum()) == pytest.approx(target.value, rel=1e-9)
        assert target.value == pytest.approx(
            float(slow.streams[layer][position] @ direction / (direction @ direction)) if layer < 3
            else float(opened.run.final[position] @ direction / (direction @ direction)), rel=1e-9)  # fmt: skip
        assert target_value_in(opened.run, opened.table, target) == pytest.approx(target.value)
        changes = resolve_interventions(opened.table, {"token@3": Intervention("scale", 0.5)})
        frozen = frozen_change(opened.table, target, changes)
        assert predicted_change(opened.table, target, changes) == pytest.approx(frozen, rel=1e-7, abs=1e-9)
        ledger = local_circuit(FeatureEdgeRows(opened.table), target, nodes=30).ledger
        assert ledger.total == pytest.approx(target.value, rel=1e-9)


def test_directions_are_named_on_the_command_line(tmp_path: Any, capsys: Any) -> None:
    argv = ["-m", "demo", "-p", "When Mary and John went to the store, John gave a drink to", "--json"]
    path = tmp_path / "direction.circuit"
    name = "resid3@14:Then Mary|Then John"
    assert main(["local-circuit", *argv, "--target", name, "--nodes", "20", "-o", str(path)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["target"] == "resid3@14"
    from circuitviz.models import load_model

    model = load_model("demo")
    mary, john, run = (run_prompt(model, text) for text in ("Then Mary", "Then John", argv[3]))
    d = mary.attention_stream[3][-1] - john.attention_stream[3][-1]
    assert data["value"] == pytest.approx(float(run.attention_stream[3][14] @ d / (d @ d)), rel=1e-5)
    assert open_document(path).state.query.target == name
    assert main(["evaluate", str(path), "--json"]) == 0
    for wrong in ("resid9@1:a|b", "resid1@99:Mary|John", "resid1@3:Mary|Mary"):
        assert main(["local-circuit", *argv, "--target", wrong]) == 2, wrong
