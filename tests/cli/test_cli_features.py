"""Verbs about features: their JSON keys, the files that they write, and what they refuse."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from neuronpedia_server import feature_answer, serve_neuronpedia
from slow_features import random_dictionaries

import circuitviz as cv
from circuitviz.__main__ import main
from circuitviz.cli.output import input_warnings_printed
from circuitviz.document.attribution_query import NEURON_COUNT
from circuitviz.errors import InputWarning
from circuitviz.features import (
    FeatureEdgeRows,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
    write_saelens_folder,
)
from circuitviz.features.explanations import neuronpedia
from circuitviz.features.weight_file import WeightFile
from circuitviz.formats import import_document
from circuitviz.graph import NodeKind
from circuitviz.models import load_model

PROMPT = "When Mary and John went to the store, John gave a drink to"
SITES = {"a1": "standard", "m1": "transcoder", "a2": "topk", "m2": "skip_transcoder", "m3": "transcoder"}
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder of random dictionaries of the demo model, and the table of nodes that they make."""
    folder, model = tmp_path_factory.mktemp("dictionaries"), load_model("demo")
    made = [one.to(torch.zeros(1)) for one in random_dictionaries(model, SITES)]
    for one in made:
        write_saelens_folder(one, folder / one.site.name)
    return folder, node_table(run_prompt(model, PROMPT), made)


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], given: tuple[Path, Any]) -> Ask:
    """Run a verb on the folder with --json; returns what it printed, and what it said."""

    def run(verb: str, *argv: object) -> Any:
        capsys.readouterr()
        code = main([verb, "--dictionaries", str(given[0]), *map(str, argv), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out), err

    return run


def feature(table: Any, site: str = "m3", position: int = -1) -> str:
    position = position % table.run.time
    return table.node(int(table.features_at(site, position)[0])).name


def test_local_circuit(ask: Ask, given: tuple[Path, Any], tmp_path: Path) -> None:
    table = given[1]
    name = feature(table)
    argv = ("--prompt", PROMPT, "--target", name, "--nodes", 30, "-o", tmp_path / "one.circuit")
    data, said = ask("local-circuit", *argv)
    assert data["target"] == name and 0 < len(data["nodes"]) <= 30
    assert data["value"] == pytest.approx(node_target(table, name).value, rel=1e-4)
    assert sum(data["ledger"].values()) == pytest.approx(data["value"], rel=1e-4)
    assert "leaves: the MLPs m0" in said and "passed through by edges: the attention a0, a3" in said
    opened = import_document(tmp_path / "one.circuit")
    assert opened.state.circuit is not None
    names = {node.name for node in opened.state.circuit.graph.nodes}
    assert names == {name, *(node["node"] for node in data["nodes"])}


def test_local_circuit_of_a_token_and_a_neuron(ask: Ask) -> None:
    for target in (" Mary", "m3.n233@4"):
        tau = ("--tau", 0.05, "--gate", "absolute", "--method", "direct-attribution")
        data, _ = ask("local-circuit", "--prompt", PROMPT, "--target", target, *tau)
        assert all(abs(node["attribution"]) > 0.05 for node in data["nodes"])
        assert data["tau"] == 0.05 and data["method"] == "direct-attribution"


def test_heads_are_nodes_where_they_are_asked_for(ask: Ask) -> None:
    argv = ("--prompt", PROMPT, "--target", " Mary", "--nodes", 60, "--gate", "absolute")
    for attention, has_heads in (("heads", True), ("transparent", False)):
        data, _ = ask("local-circuit", *argv, "--attention", attention)
        assert any(".h" in node["node"] for node in data["nodes"]) is has_heads
        assert sum(data["ledger"].values()) == pytest.approx(data["value"], rel=1e-4)
    data, _ = ask("attribute", "--prompt", PROMPT, "--rows", 100, "--convention", "circuit-tracer")
    kinds = {re.sub(r"[0-9]+", "", node["node"].partition("@")[0]) for node in data["nodes"]}
    assert kinds <= {"token", "a.f", "m.f", "a.error", "m.error", "m"}


def test_attribute(ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "graph.graph.json"
    data, _ = ask("attribute", "--prompt", PROMPT, "--rows", 200, "-o", out)
    assert sum(target["share"] for target in data["targets"]) == pytest.approx(1)
    assert 0 < data["replacement_score"] < 1 and 0 < data["completeness_score"] <= 1
    assert data["edges"] > 10 and out.stat().st_size > 1000
    nodes = json.loads(out.read_text())["nodes"]
    assert len(nodes) >= len(data["targets"])
    data, _ = ask("attribute", "--prompt", PROMPT, "--correct", " Mary", "--incorrect", " John")
    assert [target["token"] for target in data["targets"]] == [None]


def test_intervene(ask: Ask, given: tuple[Path, Any]) -> None:
    name = feature(given[1], "m2")
    other = PROMPT.replace("John gave", "Anna gave")
    argv = ("--prompt", PROMPT, "--target", " Mary", "--change", f"{name}=scale:-1", "--corrupted", other)
    data, _ = ask("intervene", *argv, "--change", "token@11=corrupted")
    assert data["predicted"] == pytest.approx(data["frozen"], rel=1e-3)
    assert data["free"] != 0 and data["changes"][0] == {"node": name, "action": "scale", "value": -1.0}


def test_trace_reads_long_lines_in_windows_and_dashboards_by_their_texts(
    ask: Ask, given: tuple[Path, Any], tmp_path: Path
) -> None:
    name = feature(given[1], "m2").partition("@")[0]
    model = given[1].run.model
    (tmp_path / "long.txt").write_text(f"{PROMPT}. " * 30)
    assert len(model.tokens.context_windows((tmp_path / "long.txt").read_text())) > 1
    data, _ = ask("trace", tmp_path / "long.txt", "--feature", name, "--nodes", 30, "--examples", 2)
    assert data["examples"] and all(PROMPT[:20] in f"{PROMPT}. {e['text']}" for e in data["examples"])
    words = [f" {word}" for word in PROMPT.split()]
    dashboard = {
        "layer": "2-transcoder",
        "index": name.partition(".f")[2],
        "activations": [{"tokens": words}],
    }
    (tmp_path / "np.json").write_text(json.dumps(dashboard))
    data, _ = ask("trace", tmp_path / "np.json", "--feature", name, "--nodes", 30)
    assert [example["text"].strip()[-12:] for example in data["examples"]]
    assert all("activations" not in example["text"] for example in data["examples"])
    (tmp_path / "np.json").write_text(json.dumps({**dashboard, "layer": "3-transcoder"}))
    assert main(["trace", str(tmp_path / "np.json"), "--dictionaries", str(given[0]), "--feature", name]) == 2


def test_trace_takes_a_features_examples_from_neuronpedia(
    ask: Ask, given: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Its site and index follow from the address; the numbers are whole, and nothing is asked twice."""
    table = given[1]
    site, _, index = feature(table, "m2").partition("@")[0].partition(".f")
    words = [
        ["<|endoftext|>", *re.findall(r" ?[^ ]+", text)] for text in (PROMPT, PROMPT.replace("Mary", "Anna"))
    ]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with serve_neuronpedia() as server:
        monkeypatch.setenv("NEURONPEDIA_URL", server.url)
        server.put(feature_answer("demo", "2-tres-x", int(index), words))
        address = f"demo/2-tres-x/{index}"
        data, _ = ask("trace", "--neuronpedia", address, "--nodes", 40)
        again, _ = ask("trace", "--neuronpedia", address, "--nodes", 40)
        assert len(server.requests) == 1 and again == data
    assert data["target"] == f"{site}.f{index}" and data["neuronpedia"]["address"] == address
    assert data["neuronpedia"]["explanations"] == [{"text": "names of people", "source": "gpt-4o-mini"}]
    number = len(data["examples"])
    assert number == 2 and [len(row) for row in data["similarity"]] == [number] * number
    for name, matrix in data["similarity_by_site"].items():
        assert np.allclose(np.diag(matrix)[[bool(e["sites"].get(name)) for e in data["examples"]]], 1.0)
    vectors = [example["sites"]["m1"] for example in data["examples"]]
    a, b = (np.array([v.get(name, 0.0) for name in {*vectors[0], *vectors[1]}]) for v in vectors)
    right = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert data["similarity_by_site"]["m1"][0][1] == pytest.approx(right, rel=1e-6)
    for example in data["examples"]:  # each point is that circuit's share
        points = example["fraction"]
        assert [p["tau"] for p in points] == sorted((p["tau"] for p in points), reverse=True)
        end = example["position"] + 1
        ids = table.run.model.tokens.encode(example["text"])[:end]
        dictionaries = [one for one in table.dictionaries.values()]
        own = node_table(run_prompt(table.run.model, ids), dictionaries, attention="transparent")
        target = node_target(own, f"{site}.f{index}@{example['position']}")
        circuit = local_circuit(FeatureEdgeRows(own), target, tau=points[5]["tau"], gate="absolute")
        assert len(circuit.nodes) == points[5]["nodes"]
        assert circuit.fraction == pytest.approx(points[5]["fraction"], rel=1e-5)
    capsys.readouterr()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("NEURONPEDIA_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(neuronpedia, "FIRST_WAIT_S", 0.0)
    assert main(["trace", "--neuronpedia", address]) == 1
    assert "could not be reached" in capsys.readouterr().err
    for wrong in ([], ["some.txt", "--neuronpedia", address], ["--neuronpedia", "m2.f1"]):
        assert main(["trace", *wrong]) == 2


def test_trace(ask: Ask, given: tuple[Path, Any], tmp_path: Path) -> None:
    lines = [
        PROMPT,
        PROMPT.replace("store", "park"),
        "",
        "The keys on the table",
        PROMPT.replace("Mary", "Anna"),
    ]
    (tmp_path / "some.txt").write_text("\n".join(lines))
    name = feature(given[1], "m2").partition("@")[0]
    data, _ = ask("trace", tmp_path / "some.txt", "--feature", name, "--nodes", 40)
    assert 2 <= len(data["examples"]) <= 4 and data["target"] == name
    assert len(data["similarity"]) == len(data["examples"])
    assert data["recurring"][0]["examples"] >= data["recurring"][-1]["examples"]
    assert {site["site"] for site in data["sites"]} <= {
        f"{part}{layer}" for part in "am" for layer in range(4)
    }
    spread = ["--choose", "spread", "--examples", 2]
    few, _ = ask("trace", tmp_path / "some.txt", "--feature", name, "--nodes", 40, *spread)
    strengths = [example["activation"] for example in data["examples"]]
    assert [example["activation"] for example in few["examples"]] == pytest.approx(
        [strengths[0], strengths[-1]]
    )


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("local-circuit", "-p", "The", "--target", "m3.f999@0"), "m3.f999@0"),
        (("local-circuit", "-p", "The", "--target", " xyzzy"), "xyzzy"),
        (
            ("local-circuit", "-p", "The", "--target", " Mary", "--tau", "1", "--nodes", "3"),
            "--tau and --nodes",
        ),
        (("local-circuit", "-p", "The", "--target", " Mary", "--gate", "both"), "signed, absolute"),
        (("attribute", "-p", "The", "--correct", " Mary"), "belong together"),
        (("attribute", "-p", "The", "--edge-share", "3"), "share of 3"),
        (("attribute", "-p", "The", "--sites", "", "--neurons", "-4"), "--neurons was given -4"),
        (
            ("attribute", "-p", "The", "--convention", "circuit-tracer", "--attention", "heads"),
            "edges pass through heads",
        ),
        (
            (
                *("local-circuit", "-p", "The", "--sites", "", "--convention", "circuit-tracer"),
                *("--neurons", "9", "--target", "a2.h6@0"),
            ),
            "in the convention 'circuit-tracer'",
        ),
        (("intervene", "-p", "The", "--target", " Mary", "--change", "m3.f1@0"), "NODE=ACTION"),
        (("intervene", "-p", "The", "--target", " Mary", "--change", "token@0=scale:x"), "NODE=ACTION"),
        (("trace", "none.txt", "--feature", "m3"), "m3.f12"),
        (("trace", "none.txt", "--feature", "a0.f3"), "no dictionary for a0"),
        (("trace", "none.txt", "--feature", "m3.f3"), "none.txt"),
    ],
)
def test_wrong_input_is_one_line(
    argv: tuple[str, ...], says: str, given: tuple[Path, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([argv[0], "--dictionaries", str(given[0]), *argv[1:]])
    out, err = capsys.readouterr()
    assert code == 2 and out == "", (code, err)
    assert says in err and "Traceback" not in err


def test_dictionaries_on_disk_give_the_same_circuit(
    ask: Ask, given: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their pages are given back after each use, and read again where they are needed."""
    released: list[Path] = []
    release = WeightFile.release_pages
    monkeypatch.setattr(
        WeightFile, "release_pages", lambda file: (released.append(file.path.parent), release(file))
    )
    argv = ["local-circuit", "-p", PROMPT, "--target", feature(given[1]), "--nodes", "20"]
    held = ask(*argv)[0]
    assert not released and ask(*argv, "--offload", "disk")[0] == held
    assert set(released) == {path for path in given[0].iterdir() if path.is_dir()}


def test_a_name_that_was_not_downloaded_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["local-circuit", "-p", PROMPT, "--target", " Ian", "--dictionary", "somebody/transcoders"]
    assert main(argv) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "'somebody/transcoders' was not downloaded before, and Hugging Face does not answer" in told


def test_tracing_without_dictionaries_is_told_to_need_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts").write_text("a\n")
    assert main(["trace", str(tmp_path / "texts"), "-m", "reverse", "--feature", "m0.f1"]) == 2
    assert "--dictionaries needs folders" in capsys.readouterr().err


def test_a_model_without_dictionaries_is_shown_in_neurons_and_heads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "neurons.circuit"
    assert main(["local-circuit", "-m", "reverse", "-p", "a b c", "--target", "c", "-o", str(out)]) == 0
    opened = import_document(out)
    query = opened.state.query
    assert query is not None and query.neurons == NEURON_COUNT and query.sites == ()
    assert f"--neurons={NEURON_COUNT}" in query.command_line() and "--sites=" in query.command_line()
    capsys.readouterr()
    for flags, shown in (
        ([], f"the {NEURON_COUNT:,} neurons of largest attribution and all heads"),
        (["--neurons", "9", "--convention", "circuit-tracer"], "the 9 neurons of largest attribution"),
        (["--neurons", "0"], "all MLPs and all heads"),
    ):
        assert main(["attribute", "-m", "reverse", "-p", "a b c", "--rows", "9", *flags]) == 0
        assert f"Without dictionaries: {shown} are the nodes." in capsys.readouterr().err


def test_neurons_of_the_demo_are_saved_changed_and_measured_again(tmp_path: Path) -> None:
    out = tmp_path / "neurons.circuit"
    asked = ("-m", "demo", "--prompt", PROMPT, "--target", " Mary", "--neurons", "300")
    assert main(["local-circuit", *asked, "--nodes", "40", "--gate", "absolute", "-o", str(out)]) == 0
    opened = cv.open(out)
    state = opened.document.state
    assert state.circuit is not None and state.scores is not None
    neurons = [node.name for node in state.circuit.graph.nodes if node.kind is NodeKind.NEURON]
    assert neurons and opened.experiment.warnings == ()
    assert opened.evaluate().faithfulness.value is not None
    reading = opened.read(neurons[0])
    assert reading.activation == pytest.approx(state.scores.info["activations"][neurons[0]], rel=1e-5)
    assert len(reading.promoted_tokens) > 2
    assert main(["intervene", *asked, "--change", f"{neurons[0]}=zero"]) == 0


COMMANDS = {
    "discover": ("discover", "-t", "ioi", "--method", "task-attribution", "--prompts", 4),
    "local-circuit": ("local-circuit", "--prompt", PROMPT, "--target", " Mary", "--nodes", 20),
    "attribute": ("attribute", "--prompt", PROMPT, "--rows", 20),
    "trace": ("trace", "--feature", "m3.f3", "--examples", 1),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dictionary_that_does_not_fit_is_told_once_in_a_sentence(
    command: str, given: tuple[Path, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Random dictionaries: each command that opens them says so alike, and nothing as Python's warnings look."""
    argv = [*map(str, COMMANDS[command]), "--dictionaries", str(given[0])]
    if command == "discover":
        argv += ["-o", str(tmp_path / "found.circuit"), "--sites", "m3"]
    elif command == "trace":
        text = tmp_path / "text.txt"
        text.write_text(f"{PROMPT} Mary.\n" * 3)
        argv.insert(1, str(text))
    capfd.readouterr()
    assert main(argv) == 0
    lines = capfd.readouterr().err.splitlines()
    told = [line for line in lines if "of the variance at m3 unexplained" in line]
    assert len(told) == 1 and told[0].startswith("circuitviz: The dictionary '"), lines
    assert not any("Warning" in line or "warnings.warn" in line for line in lines)


def test_only_warnings_of_ours_are_said_as_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(DeprecationWarning, match="theirs") as others, input_warnings_printed():
        for _ in range(2):
            warnings.warn("\x1b[2Jodd", InputWarning, stacklevel=1)
        warnings.warn("theirs", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "circuitviz: \\u001b[2Jodd\n" and len(others) == 1
