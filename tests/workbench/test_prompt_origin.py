"""The origin of a prompt circuit keeps its query, and the command that it names makes the circuit again."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuitviz.__main__ import main
from circuitviz.document import PromptOrigin, TaskOrigin
from circuitviz.document.attribution_query import (
    ATTRIBUTION_GRAPH,
    DIRECT_ATTRIBUTION,
    LOGIT_DIFF_TARGET,
    PROMPT_METHODS,
    AttributionQuery,
)
from circuitviz.formats import open_document
from circuitviz.formats.parts.origin import origin_from_json, origin_to_json

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
ASKED = {
    "feature": ("local-circuit", "--target", "a2.f719@16", "--nodes", "12"),
    "threshold": ("local-circuit", "--target", " Ian", "--tau", "0.7", "--gate", "absolute"),
    "difference": (
        *("local-circuit", "--target", LOGIT_DIFF_TARGET, "--correct", " Ian", "--incorrect", " Betty|John"),
        *("--method", DIRECT_ATTRIBUTION, "--sites", "a2,m3", "--corrupted", PROMPT.replace("Ian", "Paul")),
    ),
    "graph": (
        "attribute",
        "--rows",
        "60",
        "--node-share",
        "0.6",
        "--correct",
        " Ian",
        "--incorrect",
        " Betty",
    ),
    "likely": ("attribute", "--rows", "40", "--no-bos"),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_command_of_a_file_makes_its_circuit_again(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *flags = ASKED[name]
    first, again = tmp_path / "first.circuit", tmp_path / "again.circuit"
    assert main([verb, "-p", PROMPT, *flags, "-o", str(first)]) == 0, capsys.readouterr().err
    state = open_document(first).state
    where = state.origin
    assert isinstance(where, PromptOrigin)
    question = where.query
    assert where is not None and question is not None and state.circuit is not None
    assert (question.model, question.prompt, question.bos) == (
        "demo",
        PROMPT,
        False if "--no-bos" in flags else None,
    )
    assert question.corrupted == (PROMPT.replace("Ian", "Paul") if name == "difference" else "")
    assert where.versions["torch"] and where.weight_hash.startswith("sha256:") and len(where.task_hash) == 64
    command = shlex.split(where.command_line())
    assert command[0] == "circuitviz"
    assert main([*command[1:], "-o", str(again)]) == 0, capsys.readouterr().err
    same = open_document(again).state
    assert same.scores is not None and state.scores is not None
    assert same.circuit is not None and same.circuit.graph.nodes == state.circuit.graph.nodes
    assert np.array_equal(same.scores.values, state.scores.values)
    assert (
        same.measurement_key == state.measurement_key
        and isinstance(same.origin, PromptOrigin)
        and same.origin.query == question
    )


def test_a_query_is_read_as_it_was_written() -> None:
    question = AttributionQuery(
        "demo", "a b", "m3.f1@2", ATTRIBUTION_GRAPH, "absolute", None, None, "a c", (" x",), (" y", " z"), ("a1", "m3"),
        ("sets/one",), "dropped", False, (1, 2, 3), 70, 0.5, 0.9,
    )  # fmt: skip
    for method in PROMPT_METHODS:
        asked = replace(question, method=method)
        if not asked.is_graph:
            asked = replace(asked.with_threshold(0.25), rows=2000, node_share=0.8, edge_share=0.98)
        else:
            asked = replace(asked, gate="signed")
        for setting in (("corrupted", "dropped"), ("mean", "kept")):
            origin = PromptOrigin(
                asked.with_evaluation_setting(*setting), "ab", "cd", versions={"torch": "2"}
            )
            written = origin_to_json(origin)
            assert (written["task"], written["prompts"], written["asked"]) == ("prompt", 1, None)
            assert origin_from_json(json.loads(json.dumps(written))) == origin
    of_a_task = origin_from_json({**written, "method": "eap"})
    assert isinstance(of_a_task, TaskOrigin) and origin_to_json(of_a_task) == {**written, "method": "eap"}


def test_what_cannot_be_asked_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for flags, says in (
        (("--target", "m3.f999@3"), "has 512 features"),
        (("--target", "m3.f1@3"), "not active"),
        (("--target", "token@3"), "is a leaf"),
        (("--target", "a2.f719@16", "--tau", "1000"), "one below"),
        (("--target", "a2.f719@99"), "0 to 16"),
        (("--target", " Ian", "--sites", "a9"), "no dictionary for a9"),
        (("--target", " Ian", "--tokens", "1,x"), "commas between"),
        (("--target", LOGIT_DIFF_TARGET), "at least one correct"),
    ):
        assert main(["local-circuit", "-p", PROMPT, *flags]) == 2
        assert says in capsys.readouterr().err


def test_what_needs_a_task_says_that_there_is_one_prompt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.circuit"
    assert main(["local-circuit", "-p", PROMPT, "--target", " Ian", "--nodes", "5", "-o", str(path)]) == 0
    assert main(["inspect", str(path), "--node", "a2.h6"]) == 2
    assert "features on one prompt" in capsys.readouterr().err
