"""The origin of a circuit is complete: enough to compute it again, and to say what it was computed with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from circuitviz.__main__ import main
from circuitviz.document import PromptOrigin, State, TaskOrigin, set_evaluation_setting
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.origin import (
    OTHER_SUBJECT,
    SAME_MODEL,
    SAME_SUBJECT,
    TYPED_PAIR_TASK,
    subject_relation,
)
from circuitviz.formats import export_document, import_document, open_document
from circuitviz.models import load_model
from circuitviz.workbench.record_origin import rebuild_task


@pytest.mark.usefixtures("own_models")
def test_a_search_writes_down_all_that_it_rests_on(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.circuit"
    search = [
        "discover",
        "-m",
        "demo",
        "-t",
        "ioi",
        "--method",
        "eap",
        "--edges",
        "30",
        "--prompts",
        "4",
        "--seed",
        "5",
    ]
    assert main([*search, "-o", str(path)]) == 0
    capsys.readouterr()
    where = open_document(path).state.origin
    assert where is not None
    empty = [
        f.name for f in dataclasses.fields(where) if getattr(where, f.name) in ("", None) and f.name != "bos"
    ]
    assert empty == ["constants"], "which optimal ablation alone has"
    model = load_model("demo")
    assert where.weight_hash == model.weight_hash and len(where.weight_hash) == len("sha256:") + 64
    other = load_model("demo")
    with torch.no_grad():
        next(other.hf.parameters())[0, 0] += 1e-3
    assert other.weight_hash != where.weight_hash, "one weight is another"
    assert (where.method, where.seed, where.prompts, where.requested, len(where.pairs)) == (
        "eap",
        5,
        4,
        30,
        4,
    )
    assert rebuild_task(where, model).hash == where.task_hash
    for name in ("torch", "transformer-lens", "transformers", "tokenizers", "numpy", "safetensors"):
        assert where.versions[name] == version(name)
    for word in ("Python", "cores", "on cpu"):
        assert word in where.machine

    # an import says which file it was
    foreign, kept = tmp_path / "a.json", tmp_path / "b.circuit"
    export_document(open_document(path), foreign)
    assert main(["import", str(foreign), "-o", str(kept)]) == 0
    capsys.readouterr()
    digest = hashlib.sha256(foreign.read_bytes())
    assert open_document(kept).extra["imported"] == {
        "file": "a.json",
        "format": "eap-ig",
        "sha256": digest.hexdigest(),
    }
    first = kept.read_bytes()
    assert main(["import", str(foreign), "-o", str(kept), "--json"]) == 0
    assert kept.read_bytes() == first and json.loads(capsys.readouterr().out)["edges"] == 30
    assert import_document(kept).state.hash == open_document(kept).state.hash


PAIRS = (("a b", "a c", (" x",), (" y",)),)
OF_TASK = TaskOrigin("demo", "ab", "ioi", "cd", PAIRS, "logit-diff", "corrupted", "eap", prompts=8, seed=1)
OF_PROMPT = PromptOrigin(AttributionQuery("demo", "a b", " x", corrupted="a c", correct=(" x",)), "ab", "cd")


def test_a_subject_is_model_and_task_or_model_and_prompt() -> None:
    assert subject_relation(OF_TASK, replace(OF_TASK, seed=2, prompts=4, method="exact")) == SAME_SUBJECT
    assert subject_relation(OF_TASK, replace(OF_TASK, task="sva")) == SAME_MODEL
    assert subject_relation(OF_TASK, replace(OF_TASK, weight_hash="ac")) == OTHER_SUBJECT
    assert subject_relation(OF_TASK, None) == subject_relation(None, None) == OTHER_SUBJECT
    assert subject_relation(OF_TASK, OF_PROMPT) == SAME_MODEL
    typed = replace(OF_TASK, task=TYPED_PAIR_TASK)
    assert subject_relation(typed, replace(typed, pairs=())) == SAME_MODEL
    for changes, relation in (
        ({"target": " z", "method": "direct-attribution"}, SAME_SUBJECT),
        ({"prompt": "a d"}, SAME_MODEL),
        ({"bos": False}, SAME_MODEL),
        ({"tokens": (1, 2)}, SAME_MODEL),
    ):
        other = replace(OF_PROMPT, query=replace(OF_PROMPT.query, **changes))
        assert subject_relation(OF_PROMPT, other) == relation, changes


def test_both_kinds_of_origin_say_what_must_be_open_and_how_they_are_evaluated() -> None:
    assert OF_TASK.requirements == ("demo", "float32", "ioi", "cd", "logit-diff", "corrupted")
    assert OF_PROMPT.requirements[:3] == ("prompt", "demo", "a b")
    assert (OF_PROMPT.metric, OF_PROMPT.ablation, OF_PROMPT.pairs) == (
        *("target-activation", "corrupted"),
        (("a b", "a c", (" x",), ()),),
    )
    for origin in (OF_TASK, OF_PROMPT):
        state = set_evaluation_setting("zero", "dropped").transform(State(origin))
        assert state.origin is not None and state.origin.ablation == "zero"
        assert state.origin.options["errors"] == "dropped"
        moved = origin.map_paths(lambda name: f"{name}!")
        assert moved.model == "demo!" and type(moved) is type(origin)
    assert State(OF_PROMPT).query == OF_PROMPT.query and State(OF_PROMPT).is_prompt_circuit
    assert State(OF_TASK).query is None and not State(OF_TASK).is_prompt_circuit and State().query is None
    assert replace(OF_TASK, method="imported").is_imported and not (
        OF_TASK.is_imported or OF_PROMPT.is_imported
    )


@pytest.mark.parametrize("value", ["", "two words", "it's", "-3", "a;b"])
def test_a_command_line_is_split_into_what_was_given(value: str) -> None:
    found = replace(OF_TASK, model=value, options={"dictionaries": value, "node_set": value})
    words = shlex.split(found.command_line())
    assert [words[words.index(flag) + 1] for flag in ("-m", "--dictionaries", "--node-set")] == [value] * 3
    imported = replace(OF_TASK, method="imported", options={"file": value, "sign": "auto"})
    words = shlex.split(imported.command_line())
    assert words[:3] == ["circuitviz", "import", value] and words[-2:] == ["--sign", "auto"]


def test_heads_are_nodes_by_convention_and_target() -> None:
    query = AttributionQuery("demo", "a b", "a1.h2@1", attention="transparent")
    assert query.attention == "heads"
    for target in ("a1.h2@1", " x"):
        traced = AttributionQuery("demo", "a b", target, attention="heads", convention="circuit-tracer")
        assert traced.attention == "transparent" and "--attention=transparent" in traced.command_line()
