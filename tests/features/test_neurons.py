"""Neurons as nodes: their rows equal autograd on the plain model, and all terms add up to the target."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from slow_neurons import SlowNeurons
from slow_path import DEMO, plain

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    PromptBench,
    Target,
    add_attention_contributors,
    local_circuit,
    local_circuit_scores,
    logit_target,
    node_table,
    node_target,
    resolve_interventions,
    run_prompt,
    run_with_changes,
    table_with_neurons,
    target_value_in,
    total_effects_by_stage,
)
from circuitviz.features.effects_through_scores import attention_contributors
from circuitviz.features.frozen_effects import frozen_change
from circuitviz.features.neurons import neurons_of_run
from circuitviz.features.node_rows import NODE_KINDS
from circuitviz.graph import Intervention, NodeKind

IDS = [0, 5, 9, 21, 4, 33, 8]
TOKEN = 17
N_NEURONS = 40


@dataclass(frozen=True)
class NeuronCase:
    """A model in float64 without dictionaries, its plain twin, and a table with some of its neurons.

    close: how near two float64 numbers are; Llama's own RMSNorm is in float32, whatever it is given.
    """

    model: Any
    hf: Any
    table: Any
    target: Target
    close: float


_made: dict[str, NeuronCase] = {}


@pytest.fixture(params=["demo", "gpt2", "llama"])
def case(request: pytest.FixtureRequest) -> NeuronCase:
    """Each of the small models; made once a process."""
    name = request.param
    if name not in _made:
        _made[name] = _make(name)
    return _made[name]


def _make(name: str) -> NeuronCase:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    from circuitviz.models import from_hugging_face

    torch.manual_seed(0)
    small = {"vocab_size": 1300, "attn_implementation": "eager", "initializer_range": 0.25}
    if name == "demo":
        hf: Any = plain(DEMO)
    elif name == "gpt2":
        hf = GPT2LMHeadModel(GPT2Config(n_layer=3, n_head=4, n_embd=32, **small))
    else:
        config = LlamaConfig(
            num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, hidden_size=32,
            intermediate_size=40, mlp_bias=True, **small,
        )  # fmt: skip
        hf = LlamaForCausalLM(config)
    if name != "demo":
        for key, parameter in hf.named_parameters():
            if key.endswith("bias"):  # transformers starts them at nothing, where a mistake would not show
                parameter.data.normal_(0, 0.2)
    hf = hf.double()
    twin = copy.deepcopy(hf).eval()
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "gpt2" if name == "demo" else name)
    close = 2e-6 if name == "llama" else 1e-9
    bare = node_table(run_prompt(model, IDS))
    target = logit_target(bare, TOKEN)
    return NeuronCase(model, twin, table_with_neurons(bare, [target], N_NEURONS), target, close)


def rows_by_autograd(case: NeuronCase, gradients: dict[str, torch.Tensor]) -> dict[str, float]:
    """The edges from all nodes but biases and positions, by name; unlisted neurons are their MLP's error."""
    found = {f"token@{t}": float(g) for t, g in enumerate(gradients["tokens"])}
    for layer, heads in enumerate(gradients["heads"]):
        for position, row in enumerate(heads.tolist()):
            found |= {f"a{layer}.h{head}@{position}": value for head, value in enumerate(row)}
    for layer, neurons in enumerate(gradients["neurons"]):
        listed = case.table.neurons[layer].listed
        for position, item in listed.nonzero().tolist():
            found[f"m{layer}.n{item}@{position}"] = float(neurons[position, item])
        for position, rest in enumerate((neurons * ~listed).sum(1).tolist()):
            found[f"m{layer}.error@{position}"] = rest
    return found


def compare_row(case: NeuronCase, target: Target, right: dict[str, float]) -> None:
    row, constant = FeatureEdgeRows(case.table).row_into(target)
    names = [case.table.node(i).name for i in range(len(case.table))]
    ours = {
        name: value
        for name, value in zip(names, row.tolist(), strict=True)
        if not name.startswith("position") and ".bias" not in name
    }
    assert ours.keys() == right.keys()
    assert ours == pytest.approx(right, rel=1e-6, abs=10 * case.close)
    assert float(row.sum()) + constant == pytest.approx(target.value, rel=1e-6)


def test_neurons_of_largest_attribution_are_nodes(case: NeuronCase) -> None:
    slow = SlowNeurons(case.hf, IDS, direct=False)
    sizes = slow.gradients(slow.run()[TOKEN])["neurons"].abs()
    least = sizes.flatten().topk(N_NEURONS).values[-1]
    for layer, neurons in case.table.neurons.items():
        assert torch.equal(neurons.listed, sizes[layer] >= least * (1 - case.close))
        hidden = slow.hidden[layer].detach()
        torch.testing.assert_close(neurons.activation, hidden, rtol=1e-6, atol=case.close)


def test_rows_into_logits_neurons_and_heads_equal_autograd_and_add_up(case: NeuronCase) -> None:
    slow = SlowNeurons(case.hf, IDS, direct=True)
    logits = slow.run()
    assert float(logits[TOKEN].detach()) == pytest.approx(case.target.value, rel=case.close)
    compare_row(case, case.target, rows_by_autograd(case, slow.gradients(logits[TOKEN])))
    listed = case.table.neurons[2].listed.nonzero().tolist()
    for position, item in listed[:: max(1, len(listed) // 3)]:
        target = node_target(case.table, f"m2.n{item}@{position}")
        value = slow.hidden[2][position, item]
        assert target.value == pytest.approx(float(value.detach()), rel=case.close)
        compare_row(case, target, rows_by_autograd(case, slow.gradients(value)))
        index = case.table.index(target.node.name)  # as a node of the table, too
        rows, constants = FeatureEdgeRows(case.table).rows([index])
        torch.testing.assert_close(rows[0], FeatureEdgeRows(case.table).row_into(target)[0])
        assert float(rows.sum() + constants[0]) == pytest.approx(
            float(case.table.activation[index]), rel=1e-6
        )


def test_ledger_adds_up_to_the_target_at_every_threshold(case: NeuronCase) -> None:
    edges = FeatureEdgeRows(case.table)
    for nodes in (5, 60, 400):
        for gate in ("signed", "absolute"):
            ledger = local_circuit(edges, case.target, nodes=nodes, gate=gate).ledger
            assert ledger.total == pytest.approx(case.target.value, rel=1e-6)
    kept = local_circuit(edges, case.target, nodes=60, gate="absolute")
    assert any(case.table.node(int(i)).kind is NodeKind.NEURON for i in kept.nodes)


def test_effects_backward_and_forward_are_one_linear_map(case: NeuronCase) -> None:
    table = case.table
    effects, _ = total_effects_by_stage(table, case.target)
    some = {}
    for index in range(len(table)):
        node = table.node(index)
        if not node.kind.is_fixed:
            some.setdefault((node.kind, node.layer), node.name)
    assert {kind for kind, _ in some} >= {NodeKind.NEURON, NodeKind.ERROR, NodeKind.HEAD}
    for name in some.values():
        changes = resolve_interventions(table, {name: Intervention("scale", 1.7)})
        expected = 0.7 * float(effects[table.index(name)])
        assert frozen_change(table, case.target, changes) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_effects_through_attention_scores_equal_autograd_with_free_patterns(case: NeuronCase) -> None:
    """With normalisation scales and activation functions held, over all paths; tokens and heads."""
    layers = {i: neurons_of_run(case.table.run, i) for i in range(case.model.shape.n_layers)}
    table = replace(node_table(case.table.run), neurons=layers)
    effects, _ = total_effects_by_stage(table, case.target, through_scores=True)
    slow = SlowNeurons(case.hf, IDS, direct=False, are_patterns_held=False)
    gradients = slow.gradients(slow.run()[TOKEN])
    held = SlowNeurons(case.hf, IDS, direct=False)
    held_gradients = held.gradients(held.run()[TOKEN])
    heads = gradients["heads"].shape[2]
    for position in range(len(IDS)):
        own = float(effects[table.index(f"token@{position}")])
        right = float(gradients["tokens"][position])
        assert own == pytest.approx(right, rel=1e-5, abs=10 * case.close)
        for head in range(heads):
            own = float(effects[table.index(f"a0.h{head}@{position}")])
            right = float(gradients["heads"][0, position, head])
            assert own == pytest.approx(right, rel=1e-5, abs=10 * case.close)
    moved = (gradients["tokens"] - held_gradients["tokens"]).abs()
    assert float(moved.max()) > 0.01
    found = attention_contributors(
        table, case.target, 1, np.flatnonzero(table.kind != NODE_KINDS.index(NodeKind.TOKEN))
    )
    assert table.node(int(found.nodes[0])).position == int(moved.argmax())


def test_contributors_have_edges_that_add_up_to_their_effects(case: NeuronCase) -> None:
    circuit = local_circuit(FeatureEdgeRows(case.table), case.target, nodes=60, gate="absolute")
    found = add_attention_contributors(circuit, 8)
    assert len(found.nodes) == len(circuit.nodes) + 8 and found.ledger == circuit.ledger
    scores = local_circuit_scores(FeatureEdgeRows(case.table), found)
    through = scores.info["through_attention"]
    assert len(through) == 8 and not through.keys() & set(circuit.names)
    table, edges = case.table, FeatureEdgeRows(case.table)
    readers = [int(i) for i in circuit.nodes if not table.is_leaf[i]]
    rows, _ = edges.rows(readers)
    share = circuit.attribution[readers] / table.activation[readers]
    values = edges.row_into(case.target)[0] + (rows * share[:, None]).sum(0)  # with patterns held
    into_kept = [n for n, name in enumerate(scores.graph.receivers) if name not in through]
    for name, effect in through.items():
        row = scores.values[scores.graph.sender_index[name]]
        is_side = np.array([bool(scores.graph.channel(c)) for c in range(len(row))])
        assert row[is_side].sum() == pytest.approx(effect, rel=2e-5, abs=1e-7)
        held = sum(row[c] for c in into_kept if not is_side[c])
        assert held == pytest.approx(float(values[table.index(name)]), rel=1e-5, abs=1e-7)


def changed_logit(case: NeuronCase, layer: int, position: int, change: Any) -> float:
    """The logit of the plain model with the hidden activations of one MLP and position changed."""
    hf = copy.deepcopy(case.hf)
    block = hf.transformer.h[layer] if hasattr(hf, "transformer") else hf.model.layers[layer]
    last = block.mlp.c_proj if hasattr(block.mlp, "c_proj") else block.mlp.down_proj

    def hook(_module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        hidden = args[0].clone()
        hidden[0, position] = change(hidden[0, position])
        return (hidden,)

    last.register_forward_pre_hook(hook)
    with torch.no_grad():
        return float(hf(torch.tensor([IDS])).logits[0, -1, TOKEN])


def test_changed_neurons_and_the_others_respond_in_the_model(case: NeuronCase) -> None:
    table, target = case.table, case.target
    layer = 1
    position, item = table.neurons[layer].listed.nonzero().tolist()[-1]
    listed = table.neurons[layer].listed[position]
    unlisted = int((~listed).nonzero()[0, 0])

    def measured(name: str, action: str, amount: float = 0.0, errors: str = "kept") -> float:
        changes = resolve_interventions(table, {name: Intervention(action, amount)})
        return target_value_in(run_with_changes(table, changes, errors), table, target)

    for number in (item, unlisted):
        name = f"m{layer}.n{number}@{position}"
        for action, amount, value in (("zero", 0.0, 0.0), ("set", 1.5, 1.5)):
            right = changed_logit(
                case, layer, position, lambda h, v=value, n=number: h.index_fill(0, torch.tensor([n]), v)
            )
            assert measured(name, action, amount) == pytest.approx(right, rel=case.close)
    right = changed_logit(case, layer, position, lambda h: h * (listed + 0.5 * ~listed))
    assert measured(f"m{layer}.error@{position}", "scale", 0.5) == pytest.approx(right, rel=case.close)


def other_activations(case: NeuronCase, ids: list[int], layer: int) -> torch.Tensor:
    """The hidden activations of the plain model on other tokens, [time, neurons]."""
    slow = SlowNeurons(case.hf, ids, direct=False)
    slow.run()
    return slow.hidden[layer].detach()


def test_outside_a_circuit_neurons_take_zero_and_the_others_stay_or_go(case: NeuronCase) -> None:
    table, target = case.table, case.target
    bench = PromptBench(table, target)
    names = [table.node(i).name for i in range(len(table))]
    free = [n for n in names if not table.node(table.index(n)).kind.is_fixed]
    assert bench.circuit_value(free, "zero") == pytest.approx(target.value, rel=case.close)
    position, item = table.neurons[2].listed.nonzero().tolist()[0]
    name = f"m2.n{item}@{position}"
    without = bench.circuit_value([n for n in free if n != name], "zero")
    right = changed_logit(case, 2, position, lambda h: h.index_fill(0, torch.tensor([item]), 0.0))
    assert without == pytest.approx(right, rel=case.close)
    changes = resolve_interventions(table, {name: Intervention("set", 2.0)})
    right = changed_logit(case, 2, position, lambda h: h.index_fill(0, torch.tensor([item]), 2.0))
    assert bench.circuit_value(free, "zero", changes=changes) == pytest.approx(right, rel=case.close)
    other = run_prompt(case.model, [0, 7, 9, 3, 4, 21, 8])
    for ablation in ("corrupted", "mean"):
        bench = PromptBench(table, target, {ablation: [other]})
        values = other_activations(case, other.token_ids, 2)
        value = float(values[position, item] if ablation == "corrupted" else values[:, item].mean())
        right = changed_logit(case, 2, position, lambda h, v=value: h.index_fill(0, torch.tensor([item]), v))
        kept = [n for n in free if n != name]
        assert bench.circuit_value(kept, ablation) == pytest.approx(right, rel=case.close)
        changes = bench.resolve_interventions({name: Intervention(ablation)})
        assert bench.changed_value(changes) == pytest.approx(right, rel=case.close)
    bench = PromptBench(table, target)
    dropped = run_with_changes(table, (), "dropped")
    assert bench.circuit_value(free, "zero", "dropped") == pytest.approx(
        target_value_in(dropped, table, target), rel=case.close
    )


def test_a_neuron_that_is_not_there_is_told(case: NeuronCase) -> None:
    for name in ("m1.n99999@3", "m99.n0@3"):
        with pytest.raises(InputError, match="Neuron"):
            node_target(case.table, name)
    with pytest.raises(InputError, match="1 on"):
        table_with_neurons(case.table, [case.target], 0)
