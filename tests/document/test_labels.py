"""Labels with their evidence are undone exactly, and know what has changed since they were tested."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from circuitviz.document import (
    ClaimOutcome,
    Document,
    Evidence,
    EvidenceContext,
    Label,
    State,
    TaskOrigin,
    add_evidence,
    remove_evidence,
    remove_labels,
    select_edges,
    set_label,
    set_labels,
    set_outcome,
)
from circuitviz.document.labels import target_kind
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
TARGETS = ["a0.h1", "a1.h2", "m0", "a0.h1->a1.h2<q>", "a0.h1->m1", "group:Late", "class:Induction"]


def outcome(basis: EvidenceContext, effect: float = 0.5) -> ClaimOutcome:
    return ClaimOutcome("holds", effect, 0.4, 0.6, "share", 8, "ab", 0, "2026-01-01T00:00:00+00:00", basis)


def origin(task: str = "t", weights: str = "w") -> TaskOrigin:
    return TaskOrigin("demo", weights, "ioi", task, (), "logit-diff", "corrupted", "eap")


def test_kinds_are_told_from_names() -> None:
    assert [target_kind(t) for t in TARGETS] == ["node"] * 3 + ["edge"] * 2 + ["group", "class"]


def test_label_commands_are_undone_one_by_one() -> None:
    for seed in range(20):
        pick, document = random.Random(seed), Document(State(origin(), SCORES, SCORES.greedy(40)))
        changes, hashes = [], [document.state.hash]
        proof = Evidence("it copies", "role", {"role": "name-mover"})
        for _ in range(40):
            target = pick.choice(TARGETS)
            found = outcome(document.state.evidence_context, pick.random())
            command = pick.choice(
                [
                    set_label(target, Label(str(pick.random()), confidence=0.5, author="A", note="n")),
                    set_labels({t: Label("Induction") for t in pick.sample(TARGETS, 3)}),
                    remove_labels(pick.sample(TARGETS, 2)),
                    add_evidence(target, proof),
                    set_outcome(target, proof, found),
                    remove_evidence(target, proof),
                ]
            )
            changes.append(document.apply_command(command))
            hashes.append(document.state.hash)
        assert len(set(hashes)) > 15
        for change, before in zip(reversed(changes), reversed(hashes[:-1]), strict=True):
            document.set_state(change.before)
            assert document.state.hash == before


def test_every_field_of_a_label_counts_for_the_hash() -> None:
    label = Label("Induction")
    proof = Evidence("c", "t")
    others = [
        replace(label, **{name: value})
        for name, value in {
            "text": "x", "colour": "#000000", "note": "x", "confidence": 0.2, "author": "x",
            "evidence": (proof,), "extra": {"a": 1},
        }.items()
    ]  # fmt: skip
    others.append(replace(label, evidence=(replace(proof, outcome=outcome(EvidenceContext())),)))
    hashes = {State(labels={"m0": one}).hash for one in [label, *others]}
    assert len(hashes) == 9


def test_the_same_claim_stands_once_and_an_outcome_needs_its_claim() -> None:
    document = Document(State(origin(), SCORES, SCORES.greedy(40), labels={"m0": Label("x")}))
    proof = Evidence("it copies", "role", {"role": "name-mover"})
    document.apply_command(add_evidence("m0", proof))
    document.apply_command(set_outcome("m0", proof, outcome(document.state.evidence_context)))
    document.apply_command(add_evidence("m0", proof))
    assert len(document.state.labels["m0"].evidence) == 1
    before = document.state.hash
    document.apply_command(
        set_outcome("m0", replace(proof, claim="other"), outcome(document.state.evidence_context))
    )
    document.apply_command(set_outcome("a0.h1", proof, outcome(document.state.evidence_context)))
    assert document.state.hash == before


def test_evidence_is_stale_when_model_task_or_circuit_change() -> None:
    state = State(origin(), SCORES, SCORES.greedy(40))
    tested = Evidence("c", "t", {}, outcome(state.evidence_context))
    assert tested.stale_parts(state.evidence_context) == ()
    assert Evidence("c", "t").stale_parts(state.evidence_context) == ()
    fewer = select_edges(SCORES.greedy(10), "greedy", 10).transform(state)
    assert tested.stale_parts(fewer.evidence_context) == ("circuit",)
    assert tested.stale_parts(replace(state, origin=origin(task="u")).evidence_context) == ("task",)
    assert tested.stale_parts(replace(state, origin=origin("u", "v")).evidence_context) == (
        "model",
        "task",
    )
    assert (
        tested.stale_parts(select_edges(SCORES.greedy(40), "greedy", 40).transform(fewer).evidence_context)
        == ()
    )
    labelled = set_label("m0", Label("x")).transform(state)
    assert tested.stale_parts(labelled.evidence_context) == ()


def test_classes_are_made_of_nodes_alone() -> None:
    label = Label("Induction")
    state = State(labels=dict.fromkeys(TARGETS, label))
    assert state.nodes_by_label == {"Induction": ("a0.h1", "a1.h2", "m0")}


def test_a_groups_label_follows_its_name_and_goes_with_it() -> None:
    from circuitviz.document import dissolve_groups, group_nodes, rename_group, replace_circuit

    document = Document(State(origin(), SCORES, SCORES.greedy(40)))
    document.apply_command(group_nodes("Late", ["a1.h1", "a1.h2"]))
    document.apply_command(set_label("group:Late", Label("Induction")))
    document.apply_command(set_label("a0.h1->a1.h2<q>", Label("K-composition")))
    document.apply_command(rename_group("Late", "Later"))
    assert document.state.labels["group:Later"].text == "Induction"
    document.apply_command(replace_circuit(SCORES.top(50), SCORES, None, "Find"))
    assert set(document.state.labels) == {"group:Later", "a0.h1->a1.h2<q>"}
    document.apply_command(dissolve_groups(["Later"]))
    assert set(document.state.labels) == {"a0.h1->a1.h2<q>"}


def test_a_group_and_a_class_stand_for_their_nodes_and_go_stale_with_them() -> None:
    from circuitviz.document import group_nodes
    from circuitviz.workbench.claim_outcomes import claims_to_test, name_mover_heads

    document = Document(State(origin(), SCORES, SCORES.greedy(40)))
    document.apply_command(group_nodes("Late", ["a1.h1", "a1.h2"]))
    document.apply_command(set_labels({n: Label("Name Mover") for n in ("a0.h1", "m0")}))
    state = document.state
    assert state.target_members("group:Late") == (("a1.h1", "a1.h2"), ())
    assert state.target_members("class:Name Mover") == (("a0.h1", "m0"), ())
    assert state.target_members("a0.h1->m1") == ((), ("a0.h1->m1",)) and state.target_members("m0") == (
        ("m0",),
        (),
    )
    assert state.target_members("group:Gone") == ((), ()) and name_mover_heads(state) == ("a0.h1",)

    proof = Evidence("c", "t", {}, outcome(state.evidence_context_of("class:Name Mover")))
    document.apply_command(set_label("class:Name Mover", Label("x", evidence=(proof,))))
    assert claims_to_test(document.state) == []
    document.apply_command(set_label("a1.h3", Label("Name Mover")))
    assert proof.stale_parts(document.state.evidence_context_of("class:Name Mover")) == ("members",)
    assert (
        claims_to_test(document.state) == [("class:Name Mover", proof)]
        and claims_to_test(document.state, ["m0"]) == []
    )
