"""``circuitviz label``: labels said, tested, suggested and carried on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import circuitviz.workbench.requests.feature_dashboards as features_job
from circuitviz.__main__ import main
from circuitviz.document import Document, State
from circuitviz.formats import open_document, save_document
from circuitviz.formats.file_lock import lock_document, lock_path
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.settings import Settings


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("label") / "ioi.circuit"
    assert main(["discover", "--prompts", "8", "--steps", "2", "--edges", "60", "-o", str(path)]) == 0
    return path


@pytest.fixture
def label(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*argv: object, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["label", *map(str, argv), *(["--json"] if not code else [])]) == code
        out, err = capsys.readouterr()
        return err if code else json.loads(out)

    return run


def test_a_label_is_set_tested_listed_and_carried(found: Path, tmp_path: Path, label: Any) -> None:
    label(
        "set", found, "a2.h6", "Name Mover", "--confidence", "0.9", "--author", "Ada", "--note", "strongest"
    )
    label("set", found, "m0->a2.h6<q>", "tells it where to look", "--colour", "#112233")
    answer = ("--target", "a2.h6", "--test", "answer")
    (holds,) = label("test", found, *answer, "--counterfactual", "name-swapped", "--prompts", 16)
    (fails,) = label(
        "test", found, *answer, "--counterfactual", "order-swapped", "--claim", "it carries order"
    )
    assert (holds["outcome"]["verdict"], fails["outcome"]["verdict"]) == ("holds", "fails")
    assert holds["outcome"]["prompts"] == 16 and holds["outcome"]["low"] < holds["outcome"]["effect"]
    assert label("test", found) == []
    assert len(label("test", found, "--all")) == 2
    head, edge = (row for row in label("list", found))
    assert (head["Name"], head["Annotation"], head["Confidence"]) == ("a2.h6", "Name Mover", 0.9)
    assert [e["claim"] for e in head["Evidence"]][1] == "it carries order" and head["Evidence"][0][
        "stale"
    ] == []
    assert edge["Name"] == "m0->a2.h6<q>" and edge["Colour"] == "#112233"

    kept = open_document(found).state.labels
    for name in ("labels.csv", "labels.jsonl"):
        assert label("export", found, "-o", tmp_path / name)["labels"] == 2
        label("remove", found, "a2.h6")
        assert set(open_document(found).state.labels) == {"m0->a2.h6<q>"}
        label("import", found, tmp_path / name)
        assert open_document(found).state.labels == kept


def test_suggestions_rank_a_head_in_every_role(found: Path, label: Any) -> None:
    rows = label("suggest", found, "--node", "a0.h5", "--length", 8)["rows"]
    best = rows[0]
    assert {row["head"] for row in rows} == {"a0.h5"} and best["role"] == "Previous Token"
    assert [row["percentile"] for row in rows] == sorted((row["percentile"] for row in rows), reverse=True)
    all_heads = label("suggest", found, "--top", 2, "--length", 8)
    previous = [row for row in all_heads["rows"] if row["role"] == "Previous Token"]
    assert len(previous) == 2 and best["score"] <= previous[0]["score"]
    assert len(all_heads["movers"]) >= 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("set", "a9.h9", "x"), "The part 'a9.h9' was to be labelled"),
        (("set", "a2.h6", "x", "--confidence", "2"), "from 0 to 1"),
        (("remove", "a1.h1"), "There is no label on 'a1.h1'"),
        (("test", "--test", "answer"), "name it with --target"),
        (("test", "--target", "a1.h1"), "There is no label on"),
        (("suggest", "--node", "m0"), "'m0' is no head"),
        (("import", "missing.jsonl"), "no file"),
        (("export", "-o", "x.txt"), "kept as .jsonl or .csv"),
    ],
)
def test_what_is_wrong_is_one_line(found: Path, label: Any, argv: tuple[str, ...], said: str) -> None:
    if argv[0] == "export":
        label("set", found, "a3.h3", "Induction")
    err = label(argv[0], found, *argv[1:], code=2)
    assert said in err and err.count("\n") == 1


def circuit(path: Path) -> Path:
    graph = Graph.transformer(ModelShape(2, 4, 16))
    scores = Scores(graph, graph.mask * 0.5, "eap")
    save_document(Document(State(None, scores, scores.top(30))), path)
    return path


def test_labels_that_four_processes_set_at_once_are_all_kept(tmp_path: Path) -> None:
    path = circuit(tmp_path / "a.circuit")
    heads = [f"a{layer}.h{head}" for layer in range(2) for head in range(2)]
    commands = [
        [sys.executable, "-m", "circuitviz", "label", "set", str(path), head, f"role of {head}"]
        for head in heads
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands
    ]
    for process in running:
        _, err = process.communicate()
        assert process.returncode == 0, err
    assert {name: label.text for name, label in open_document(path).state.labels.items()} == {
        head: f"role of {head}" for head in heads
    }
    assert sorted(os.listdir(tmp_path)) == ["a.circuit", "data"]
    assert not list((tmp_path / "data").rglob("*.lock"))


@pytest.mark.parametrize(
    "verb", [("set", "m0", "x"), ("remove", "m0"), ("test", "--target", "m0"), ("import", "labels.csv")]
)
def test_a_file_that_a_window_has_open_is_not_changed(
    tmp_path: Path, label: Any, verb: tuple[str, ...]
) -> None:
    path = circuit(tmp_path / "a.circuit")
    before = path.read_bytes()
    claim = lock_document(path, "window")
    assert (
        claim is not None and claim.path.parent == Settings().data_folder / "open" == lock_path(path).parent
    )
    err = label(verb[0], path, *verb[1:], code=2)
    assert "is open in a window since" in err and "nothing was changed" in err
    assert path.read_bytes() == before
    assert label("list", path) == []
    claim.release()
    label("set", path, "m0", "x")


def test_setting_a_label_does_not_import_torch(tmp_path: Path) -> None:
    path = circuit(tmp_path / "a.circuit")
    code = "import sys; from circuitviz.__main__ import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, "label", "set", str(path), "m0", "x"]).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes there")
def test_a_name_that_is_not_utf_8_goes_all_the_way(tmp_path: Path) -> None:
    path = circuit(tmp_path / os.fsdecode(b"caf\xe9.circuit"))
    label = ["label", "set", path, "m0", os.fsdecode(b"r\xf4le")]
    export = ["label", "export", path, "-o", path.with_suffix(".jsonl")]
    picture, wrong = (
        ["export", path, "-o", path.with_suffix(".svg")],
        ["label", "list", path.with_suffix(".txt")],
    )
    for command, code in ((label, 0), (export, 0), (picture, 0), (wrong, 2)):
        done = subprocess.run(
            [sys.executable, "-m", "circuitviz", *map(os.fspath, command)], capture_output=True
        )
        assert done.returncode == code and b"Error" not in done.stderr, done.stderr
        assert done.stderr.count(b"\n") == (code != 0)
    assert open_document(path).state.labels["m0"].text == "r\ufffdle"


PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


@pytest.fixture(autouse=True)
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the demo's text, so that the index is there soon."""
    monkeypatch.setattr(features_job, "N_DEMO_PASSAGES", 400)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local circuit of the demo, as the command line writes it."""
    path = tmp_path_factory.mktemp("local") / "local.circuit"
    asked = ["local-circuit", "--prompt", PROMPT, "--target", "a2.f719@16", "--nodes", "40", "-o", str(path)]
    assert main(asked) == 0
    return path


def features(path: Path) -> list[str]:
    """Two features of the circuit, strongest first."""
    state = open_document(path).state
    assert state.scores is not None and state.circuit is not None
    graph, strength = state.circuit.graph, state.scores.node_scores()
    named = [n for n in state.circuit.node_names if ".f" in n and n in graph.sender_index]
    return sorted(named, key=lambda n: -abs(strength[graph.sender_index[n]]))[:2]


def test_the_command_line_tests_features(
    local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "local.circuit"
    path.write_bytes(local.read_bytes())
    node = features(local)[0]
    assert main(["label", "set", str(path), node, "a name"]) == 0
    base = ["label", "test", str(path), "--target", node, "--test"]
    assert (
        main([*base, "feature-effect", "--counterfactual", "ioi", "--prompts", "8", "--effect-on", "a2.f719"])
        == 0
    )
    capsys.readouterr()
    assert main([*base, "activation", "--counterfactual", "name-swapped", "--prompts", "8", "--json"]) == 0
    out, err = capsys.readouterr()
    (one,) = json.loads(out)
    assert one["test"] == "activation" and one["outcome"]["prompts"] == 8 and "other" not in err
    state = open_document(path).state
    assert [e.stale_parts(state.evidence_context_of(node)) for e in state.labels[node].evidence] == [(), ()]
    assert main([*base, "activation"]) == 2
    assert "one prompt without a counterfactual" in capsys.readouterr().err
    assert main([*base, "answer"]) == 2
    rows = tmp_path / "labels.jsonl"
    assert main(["label", "export", str(path), "-o", str(rows)]) == 0
    assert node in rows.read_text()
