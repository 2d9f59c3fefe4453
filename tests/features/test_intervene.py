"""Frozen interventions match their prediction exactly; free ones are what the real model does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from circuitviz.errors import InputError
from circuitviz.features import (
    FeatureEdgeRows,
    check_interventions,
    frozen_change,
    local_circuit,
    logit_target,
    neuron_target,
    node_table,
    node_target,
    predicted_change,
    resolve_interventions,
    run_prompt,
    run_with_changes,
    target_value_in,
    total_effects_by_stage,
)
from circuitviz.graph import Intervention, NodeKind


def strongest(table: Any, site: str, position: int = 4) -> str:
    return table.node(int(table.features_at(site, position)[0])).name


class SlowFrozen:
    """The replacement model run forward by hand: patterns, scales, masks and errors of the first run.

    ``values``: activations put to a number, by (site, position, feature).
    """

    def __init__(self, case: Any, values: dict[tuple[str, int, int], float]) -> None:
        self.case, self.slow, self.values = case, case.slow(), values
        self.table, self.run = case.table, case.table.run

    def feature_output(self, site: str, read: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        """Σ a · d + b with the first run's mask on what is read now [time, d_in]."""
        one = self.table.dictionaries[site]
        mask = one.encode(first) > 0
        gain = 1.0 if one.gain is None else one.gain
        value = ((read @ one.encoder) * gain + one.bias) * mask
        for (at, position, feature), new in self.values.items():
            if at == site:
                value[position, feature] = new
        out = value @ one.decoder + one.decoder_bias
        return out if one.skip is None else out + read @ one.skip.T

    @staticmethod
    def centred(one: Any, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(-1, keepdim=True) if one.processing.center_writing_weights else x

    @torch.no_grad()
    def logit(self, token: int) -> float:
        slow, run = self.slow, self.run
        stream = run.embed + run.position
        for layer, block in enumerate(slow.blocks):
            first = slow.streams[layer]
            normal = slow.norm(block.ln_1, stream, first)
            v = (normal @ block.attn.c_attn.weight + block.attn.c_attn.bias).chunk(3, -1)[2]
            z = torch.einsum(
                "hts,she->the", slow.patterns[layer], v.view(run.time, run.z[layer].shape[1], -1)
            )
            one = self.table.dictionaries[f"a{layer}"]
            weight, bias = block.attn.c_proj.weight, block.attn.c_proj.bias
            now, was = z.flatten(1), run.z[layer].flatten(1)
            if one.processing.fold_value_biases:
                shift = (
                    block.attn.c_attn.bias.chunk(3)[2]
                    + one.processing.fold_ln * block.ln_1.bias @ block.attn.c_attn.weight.chunk(3, 1)[2]
                )
                now, was = now - shift, was - shift
            if one.site.reads == "written":
                now, was = (self.centred(one, x @ weight + bias) for x in (now, was))
            change = self.feature_output(f"a{layer}", now, was) - one.reconstruct(was)
            written = run.attention[layer] + (change if one.site.reads == "written" else change @ weight)
            stream = stream + written
            one = self.table.dictionaries[f"m{layer}"]
            held = run.mlp_stream[layer]
            now, was = slow.norm(block.ln_2, stream, held), slow.norm(block.ln_2, held, held)
            if one.processing.fold_ln:
                now, was = ((x - block.ln_2.bias) / block.ln_2.weight for x in (now, was))
            if one.site.reads == "stream":
                now, was = (self.centred(one, x) for x in (stream, held))
            stream = stream + run.mlp[layer]
            stream = stream + self.feature_output(f"m{layer}", now, was) - one.reconstruct(was)
        last = slow.norm(slow.final, stream, run.final)[-1]
        return float(last @ slow.hf.get_output_embeddings().weight[token])


def test_frozen_interventions_equal_a_run_by_hand_and_their_prediction(demo_features: Any) -> None:
    table = demo_features.table
    target = logit_target(table, 5)
    names = [strongest(table, site, p) for site, p in (("m0", 2), ("a1", 4), ("m2", 6), ("a3", 6))]
    for chosen in ([], names[:1], names[1:2], names):
        rows = [table.index(name) for name in chosen]
        changes = resolve_interventions(table, {name: Intervention("scale", -0.5) for name in chosen})
        values = {
            (name.partition(".")[0], int(table.position[r]), int(table.item[r])): -0.5
            * float(table.activation[r])
            for name, r in zip(chosen, rows, strict=True)
        }
        right = SlowFrozen(demo_features, values).logit(5) - target.value
        scale = max(abs(right), 1e-3)
        assert frozen_change(table, target, changes) == pytest.approx(right, abs=1e-7 * scale + 1e-9)
        assert predicted_change(table, target, changes) == pytest.approx(right, abs=1e-7 * scale + 1e-9)


def test_prediction_and_frozen_run_agree_on_every_kind_of_node(features: Any) -> None:
    table = features.table
    targets = [logit_target(table, 5), neuron_target(table, 2, 3, 5)]
    last = [s for s in table.dictionaries if s in ("m3", "m2")][-1]
    targets.append(node_target(table, strongest(table, last, 6)))
    some: dict[Any, str] = {}
    for index in range(len(table)):
        node = table.node(index)
        if node.kind not in (NodeKind.BIAS, NodeKind.POSITION) and node.position in (0, 3, 6):
            some.setdefault((node.kind, node.layer, node.position), node.name)
    for target in targets:
        effects, _ = total_effects_by_stage(table, target)
        for name in some.values():
            changes = resolve_interventions(table, {name: Intervention("scale", 1.7)})
            frozen = frozen_change(table, target, changes)
            assert predicted_change(table, target, changes) == pytest.approx(frozen, rel=1e-7, abs=1e-9)
            if name not in (target.node.name,) and not name.endswith(".skip"):
                one = float(effects[table.index(name)]) * 0.7
                if "m1@" not in name or target.index is None:
                    assert one == pytest.approx(frozen, rel=1e-6, abs=1e-8)


def test_total_effects_are_attributions_with_nothing_dropped(demo_features: Any) -> None:
    """The sweep over rows with no threshold gives the same, where no head or skip is a node of its own."""
    table = node_table(demo_features.table.run, [d for d in demo_features.dictionaries if d.skip is None])
    full = [d for d in demo_features.dictionaries if d.skip is None]
    assert len(full) == 6
    target = logit_target(table, 5)
    ours, _ = total_effects_by_stage(table, target)
    swept = local_circuit(FeatureEdgeRows(table), target, tau=0.0, gate="absolute").attribution
    torch.testing.assert_close(ours, swept, rtol=1e-6, atol=1e-9)


def hooked_logits(case: Any, edit: Any) -> torch.Tensor:
    """Logits of the plain model with one module's output changed."""
    module, change = edit
    handle = module.register_forward_hook(lambda m, args, out: change(args[0], out))
    try:
        with torch.no_grad():
            return case.hf(case.table.run.tokens[None]).logits[0, -1]
    finally:
        handle.remove()


def test_free_interventions_are_what_the_real_model_does(demo_features: Any) -> None:
    case, table = demo_features, demo_features.table
    target = logit_target(table, 5)
    name = strongest(table, "m0", 3)
    node, one = table.node(table.index(name)), table.dictionaries["m0"]

    def change(x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        own = torch.relu(x[0, 3] @ one.encoder[:, node.feature] + one.bias[node.feature])
        out = out.clone()
        out[0, 3] += (4.5 - own) * one.decoder[node.feature]
        return out

    right = hooked_logits(case, (case.hf.transformer.h[0].mlp, change))
    found = check_interventions(table, target, {name: Intervention("set", 4.5)})
    assert found.free == pytest.approx(float(right[5]) - target.value, rel=1e-8)
    assert abs(found.free - found.frozen) > 1e-6  # the rest of the model responds
    changed = run_with_changes(table, resolve_interventions(table, {name: Intervention("set", 4.5)}))
    torch.testing.assert_close(changed.logits, right, rtol=1e-9, atol=1e-9)


def test_zeroing_a_head_and_features_with_errors_ablates_the_component(features: Any) -> None:
    """Features of a site plus its error ablated together equal the component's output put to its biases."""
    table = features.table
    run = table.run
    for site, one in table.dictionaries.items():
        if one.site.reads == "written" or site[0] == "a":
            continue
        rows = [i for p in range(run.time) for i in table.features_at(site, p)]
        names = [table.node(int(i)).name for i in rows]
        names += [f"{site}.error@{p}" for p in range(run.time)]
        names += [f"{site}.skip@{p}" for p in range(run.time)] if one.skip is not None else []
        changed = run_with_changes(
            table, resolve_interventions(table, {n: Intervention("zero") for n in names})
        )
        layer = one.site.layer
        written = changed.mlp[layer]
        torch.testing.assert_close(written, one.decoder_bias.expand_as(written), rtol=1e-8, atol=1e-8)


def test_without_changes_the_run_is_the_model(features: Any) -> None:
    table = features.table
    again = run_with_changes(table, [])
    torch.testing.assert_close(again.logits, table.run.logits, rtol=0, atol=0)
    names = [name for site in table.dictionaries for name in (strongest(table, site, 2), f"{site}.error@1")]
    nothing = dict.fromkeys(names, Intervention("scale", 1.0))
    spliced = run_with_changes(
        table, resolve_interventions(table, nothing)
    )  # through encode, decode and error
    torch.testing.assert_close(spliced.logits, table.run.logits, rtol=1e-9, atol=1e-9)
    hf = features.hf(table.run.tokens[None]).logits[0, -1]
    torch.testing.assert_close(spliced.logits, hf, rtol=1e-5, atol=max(1e-8, 10 * features.close))


def test_dropped_errors_leave_the_replacement_model(demo_features: Any) -> None:
    table = demo_features.table
    run = run_with_changes(table, [], errors="dropped")
    for site, one in table.dictionaries.items():
        if site[0] == "m":
            made = one.reconstruct(run.dictionary_input(one))
            torch.testing.assert_close(run.dictionary_target(one), made, rtol=1e-8, atol=1e-8)
    assert not torch.allclose(run.logits, table.run.logits)


def test_corrupted_and_mean_values_come_from_other_runs(features: Any) -> None:
    table = features.table
    other = run_prompt(features.model, [0, 7, 9, 30, 4, 33, 8])
    target = logit_target(table, 5)
    site, one = next((s, d) for s, d in table.dictionaries.items() if s[0] == "m" and d.site.is_transcoder)
    name = strongest(table, site, 4)
    item = table.node(table.index(name)).feature
    (corrupted,) = resolve_interventions(table, {name: Intervention("corrupted")}, [other])
    assert corrupted.new_activation == pytest.approx(float(one.encode(other.dictionary_input(one))[4, item]))
    (mean,) = resolve_interventions(table, {name: Intervention("mean")}, [other, table.run])
    both = torch.cat([one.encode(other.dictionary_input(one)), one.encode(table.run.dictionary_input(one))])[
        :, item
    ]
    assert mean.new_activation == pytest.approx(float(both.mean()))
    tokens = {f"token@{p}": Intervention("corrupted") for p in range(table.run.time)}
    swapped = run_with_changes(table, resolve_interventions(table, tokens, [other]))
    torch.testing.assert_close(swapped.logits, other.logits, rtol=1e-9, atol=1e-9)
    found = check_interventions(table, target, {"token@3": Intervention("corrupted")}, [other])
    assert found.frozen == pytest.approx(found.predicted, rel=1e-7) and found.free != 0


def test_every_kind_of_node_takes_its_value_from_another_run(features: Any) -> None:
    """Nothing in the model responds to what its last layer writes, so the stream moves by just that."""
    table = features.table
    other = run_prompt(features.model, [0, 7, 9, 30, 4, 33, 8])
    last = features.model.shape.n_layers - 1
    seen = set()
    for row in range(len(table)):
        node = table.node(row)
        if node.kind in (NodeKind.BIAS, NodeKind.POSITION) or node.layer != last or node.position != 6:
            continue
        if (node.kind, node.site) in seen or (node.site == "a" and not features.model.shape.parallel):
            continue
        seen.add((node.kind, node.site))
        (change,) = resolve_interventions(table, {node.name: Intervention("corrupted")}, [other])
        run = run_with_changes(table, [change])
        moved = run.final[6] - table.run.final[6]
        torch.testing.assert_close(moved, change.added_output(table.run), rtol=1e-6, atol=1e-7)
    assert len(seen) > 1
    site = next((s for s, d in table.dictionaries.items() if d.site.reads == "z"), None)
    assert site is not None
    (change,) = resolve_interventions(table, {f"{site}.error@6": Intervention("corrupted")}, [other])
    run = run_with_changes(table, [change])
    moved = run.attention[int(site[1:])][6] - table.run.attention[int(site[1:])][6]
    torch.testing.assert_close(moved, change.added_output(table.run), rtol=1e-6, atol=1e-7)


def test_values_of_all_targets_are_read_from_any_run(features: Any) -> None:
    table = features.table
    site = next(iter(table.dictionaries))
    head = next((table.node(i).name for i in range(len(table)) if table.node(i).kind is NodeKind.HEAD), None)
    names = [strongest(table, site, 3), "m1.n5@4", *([head] if head else [])]
    for target in (logit_target(table, 9), *(node_target(table, name) for name in names)):
        assert target_value_in(table.run, table, target) == pytest.approx(target.value, rel=1e-9)


def test_wrong_interventions_are_refused(demo_features: Any) -> None:
    table = demo_features.table
    name = strongest(table, "m1", 3)
    for given, message in (
        ({name: Intervention("mean-positional")}, "no action 'mean-positional'"),
        ({name: Intervention("mean")}, "needs runs to take its values from"),
        ({"m1.bias@3": Intervention("zero")}, "m1.bias@3.*same on every prompt"),
        ({"m1.f999@3": Intervention("set", 1.0)}, "has 60 features"),
    ):
        with pytest.raises(InputError, match=message):
            resolve_interventions(table, given)
    with pytest.raises(InputError, match="one run of 7 tokens"):
        resolve_interventions(
            table, {name: Intervention("corrupted")}, [run_prompt(demo_features.model, [1, 2])]
        )
