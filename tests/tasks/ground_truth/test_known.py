"""Circuits that are known exactly: each truth is measured, never only asserted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from backup import backup
from layout import write
from slow_path import SlowModel, plain
from truths import TRUTHS

from circuitviz.formats import import_document
from circuitviz.formats.reference_circuit import edges_in_scope, find_reference, list_references
from circuitviz.models import Model, load_model
from circuitviz.resources import resource_path
from circuitviz.tasks import PromptPair, Task, load_task

CASES = [(name, ablation) for name in TRUTHS for ablation in ("corrupted", "zero")]
EXACT = 1e-5  # the answers are 10, or a proportion; softmax leaks e^-100
_opened: dict[str, tuple[Model, SlowModel, Task]] = {}


def _known(name: str) -> tuple[Model, SlowModel, Task]:
    if name not in _opened:
        model = load_model(name)
        _opened[name] = (
            model,
            SlowModel(plain(resource_path("known", name))),
            load_task(name, model, prompts=24),
        )
    return _opened[name]


@pytest.mark.parametrize(("name", "ablation"), CASES)
def test_exactly_the_true_edges_matter(name: str, ablation: str) -> None:
    model, slow, task = _known(name)
    at = task.lengths - 1
    clean, outputs = slow.run(task.clean, at)
    _, others = slow.run(task.corrupted, at)
    if ablation == "zero":
        others = {sender: torch.zeros_like(value) for sender, value in outputs.items()}
    reference = import_document(find_reference(f"{name}-{ablation}")).state.circuit
    assert reference is not None and reference.graph.shape == model.shape
    graph = model.graph
    truth = set(graph.edge_names(reference.edges))
    assert truth == set(TRUTHS[name][ablation])

    def moved(edges: list[str]) -> float:
        return float((slow.run(task.clean, at, others, edges)[0] - clean).abs().max())

    everything = graph.edge_names(graph.mask)
    matters = {edge for edge in everything if moved([edge]) > EXACT}
    assert matters == truth  # each is needed, no other matters
    assert moved([edge for edge in everything if edge not in truth]) < EXACT  # they are enough
    assert moved(list(everything)) > 0.1


@pytest.mark.parametrize("name", TRUTHS)
def test_the_model_does_its_task_and_others_are_as_busy(name: str) -> None:
    model, slow, task = _known(name)
    logits, outputs = slow.run(task.clean, task.lengths - 1)
    ours = model.logits(task.clean, task.lengths - 1)
    torch.testing.assert_close(ours.double(), logits, rtol=1e-5, atol=1e-5)
    if name == "x-proportion":
        x = task.correct[0, 0]
        for pair, row in zip(task.pairs, logits, strict=True):
            words = pair.clean.split()
            assert float(row[x]) == pytest.approx(words.count("x") / len(words), abs=1e-6)
    else:
        assert bool((logits.argmax(-1) == task.correct[:, 0]).all())
    truth = {edge.split("->")[0] for edge in TRUTHS[name]["zero"]}
    idle = [s for s in model.graph.senders if s not in truth and s != "a2.h0"]
    assert len(idle) >= 6
    assert min(float(outputs[s].abs().mean()) for s in idle) > 0.05


def test_the_backup_steps_in_where_the_primary_is_gone() -> None:
    _, slow, task = _known("backup")
    at = task.lengths - 1
    clean, outputs = slow.run(task.clean, at)
    nothing = {name: torch.zeros_like(value) for name, value in outputs.items()}
    gone = {"a1.h2": nothing["a1.h2"]}
    without, shifted = slow.run(task.clean, at, held=gone)
    torch.testing.assert_close(without, clean, rtol=0, atol=EXACT)
    both, _ = slow.run(task.clean, at, held={**gone, "a2.h0": nothing["a2.h0"]})
    assert float(both.abs().max()) < EXACT
    assert float(outputs["a2.h0"].abs().max()) < EXACT < float(shifted["a2.h0"].abs().max())
    # under interchange the primary still says that it works
    _, corrupted = slow.run(task.corrupted, at)
    swapped, _ = slow.run(task.clean, at, held={"a1.h2": corrupted["a1.h2"]})
    rows = torch.arange(len(task))
    assert bool((swapped[rows, task.incorrect[:, 0]] > 9).all())


def test_the_hand_built_model_is_what_its_source_writes(tmp_path: Path) -> None:
    write(backup(), tmp_path, seed=3)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == resource_path("known", "backup", name).read_bytes(), name


def test_a_word_that_the_tokenizer_does_not_know_is_told() -> None:
    from circuitviz.errors import InputError

    model, _, _ = _known("reverse")
    with pytest.raises(InputError, match="does not know"):
        Task.from_pairs("mine", [PromptPair("a dog |", "a b |", (" a",), (" b",))], model.tokens)
    with pytest.raises(InputError, match="does not know"):
        Task.from_pairs("mine", [PromptPair("a c |", "a b |", (" dog",), (" b",))], model.tokens)
    with pytest.raises(InputError, match="needs 2 pronouns"):
        load_task("gender", model, prompts=4)


def test_the_indirect_object_circuit_of_gpt2() -> None:
    document = import_document(find_reference("ioi-gpt2"))
    circuit, state = document.state.circuit, document.state
    assert circuit is not None
    previous, duplicate = [(2, 2), (4, 11)], [(0, 1), (0, 10), (3, 0)]
    induction, inhibition = [(5, 5), (5, 8), (5, 9), (6, 9)], [(7, 3), (7, 9), (8, 6), (8, 10)]
    movers = [(9, 9), (10, 0), (9, 6), (10, 7), (11, 10)]
    movers += [(10, 10), (10, 6), (10, 2), (10, 1), (11, 2), (9, 7), (9, 0), (11, 9)]
    assert sorted(state.labels) == sorted(
        f"a{la}.h{h}" for la, h in [*previous, *duplicate, *induction, *inhibition, *movers]
    )
    assert {k: len(v) for k, v in state.nodes_by_label.items()} == {
        "Previous Token": 2, "Duplicate Token": 3, "Induction": 4, "S-Inhibition": 4,
        "Name Mover": 3, "Backup Name Mover": 8, "Negative Name Mover": 2,
    }  # fmt: skip
    edges = set()

    def join(senders: list[tuple[int, int]], receivers: list[tuple[int, int]], channels: str) -> None:
        for a, g in senders:
            edges.update(f"a{a}.h{g}->a{b}.h{h}<{c}>" for b, h in receivers if b > a for c in channels)

    for heads, channels in ((previous + duplicate, "qkv"), (inhibition, "q"), (movers, "kv")):
        edges.update(f"input->a{la}.h{h}<{c}>" for la, h in heads for c in channels)
    join(previous, induction, "kv")
    join(induction + duplicate, inhibition, "kv")
    join(inhibition, movers, "q")
    edges.update(f"a{la}.h{h}->logits" for la, h in movers)
    assert set(circuit.graph.edge_names(circuit.edges)) == edges
    mask = edges_in_scope(document)
    assert mask is not None
    heads_only = {e for e in circuit.graph.edge_names(circuit.graph.mask) if "m" not in e.replace("->", " ")}
    assert set(circuit.graph.edge_names(mask)) == heads_only
    assert not np.any(circuit.edges & ~mask)
    assert document.extra["reference"]["sources"]


def test_every_reference_reads_and_names_its_sources() -> None:
    assert set(list_references()) == {f"{n}-{a}" for n, a in CASES} | {"ioi-gpt2"}
    for path in list_references().values():
        told = import_document(path).extra["reference"]
        assert told["sources"] and told["about"] and told["model"] and told["ablation"]
