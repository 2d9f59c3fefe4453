"""Files of every version open, and each part of a document is found by walking."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from rich_documents import rich_features, rich_heads

from circuitviz.document import Document, PromptOrigin, State, replace_circuit, toggle_ablation
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.formats.circuit_file import CircuitFileFormat
from circuitviz.formats.file_io import parse_json, write_atomically
from circuitviz.formats.manifest import to_manifest
from circuitviz.formats.migrations import FILE_VERSION, FIRST_VERSION, STEPS, migrate_manifest
from circuitviz.formats.parts import DocumentPart, parts
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.graph.spans import PromptSpans

VERSIONS = Path(__file__).parent / "versions"


def manifest(path: Path) -> dict:  # type: ignore[type-arg]
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("document.json"))


@pytest.mark.parametrize("version", range(FIRST_VERSION, FILE_VERSION + 1))
def test_a_file_of_each_version_opens(version: int, tmp_path: Path) -> None:
    """The files beside this one were written by the version that they are named for."""
    kept = VERSIONS / f"v{version}.circuit"
    document = open_document(kept)
    state = document.state
    assert manifest(kept)["version"] == version
    assert state.circuit is not None and state.circuit.graph.shape.has_grouped_queries
    assert state.circuit.n_edges == int(manifest(kept)["circuit"]["asked"]) == 20
    assert [label.text for label in state.labels.values()] == ["Name Mover"]
    assert state.origin is not None and state.origin.method == "eap-ig"
    assert document.evaluation is not None and document.extra == {"from the future": {"kept": [1, 2]}}
    save_document(document, tmp_path / "now.circuit")
    assert manifest(tmp_path / "now.circuit")["version"] == version, "no later one than it needs"
    assert open_document(tmp_path / "now.circuit").state.hash == state.hash


def test_a_file_of_one_prompt_from_before_origins_is_saved_as_it_was(tmp_path: Path) -> None:
    """It was written when files' provenance had one class in memory, too."""
    kept = VERSIONS / "v1-prompt.circuit"
    document = open_document(kept)
    origin = document.state.origin
    assert isinstance(origin, PromptOrigin) and (origin.query.target, origin.query.nodes) == (
        "a2.f719@16",
        12,
    )
    assert origin.command_line().startswith("circuitviz local-circuit -m demo")
    save_document(document, tmp_path / "now.circuit")
    assert manifest(tmp_path / "now.circuit") == {**manifest(kept), "notes": "", "steering": []}  # keys since


def test_edges_by_channel_come_back_in_the_version_that_has_them(tmp_path: Path) -> None:
    kept = VERSIONS / "v2-prompt.circuit"
    state = open_document(kept).state
    assert state.circuit is not None and isinstance(state.origin, PromptOrigin)
    assert "m0.f184@2->a2.f719@16<k>" in state.circuit.edge_names and state.origin.query.contributors == 2
    save_document(open_document(kept), tmp_path / "now.circuit")
    assert manifest(tmp_path / "now.circuit") == manifest(kept) and manifest(kept)["version"] == 2
    assert open_document(tmp_path / "now.circuit").state.hash == state.hash


@pytest.mark.parametrize("name", ["v2.circuit", "v2-prompt.circuit"])
def test_a_program_of_version_1_says_that_a_file_is_newer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("circuitviz.formats.circuit_file.FILE_VERSION", 1)
    with pytest.raises(InputError, match=r"newer circuitviz \(file version 2, this one reads up to 1\)"):
        CircuitFileFormat().read(VERSIONS / name)


def test_only_files_that_earlier_programs_misread_are_of_a_later_version() -> None:
    """Tensors of another shape than version 1 expects; keys that it leaves aside need no later version."""
    versions = [to_manifest(document)["version"] for document in (rich_heads(), rich_features(), Document())]
    assert versions == [1, 1, 1]
    shape, nodes = ModelShape(1, 1, 8), (Node("token@0", NodeKind.TOKEN), Node("m0.f1@0", NodeKind.FEATURE))
    exists, none = np.array([[False, True]]), np.zeros((1, 2), bool)
    spans = PromptSpans.of_prompts([["other", "END"]])
    versions_by_graph = [
        (Graph.transformer(shape), 1),
        (Graph.transformer(shape).with_spans(spans), 2),
        (Graph.of_nodes(shape, nodes, exists), 1),
        (Graph.of_nodes(shape, nodes, exists, channel_masks={"q": none, "k": none}), 1),
        (Graph.of_nodes(shape, nodes, none, channel_masks={"q": none, "k": exists}), 2),
    ]
    for graph, version in versions_by_graph:
        document = Document(State(circuit=Circuit(graph, graph.mask)))
        assert to_manifest(document)["version"] == version


def test_steps_lead_from_every_version_to_the_present_one() -> None:
    steps = {
        1: lambda m: {**m, "names": [m["name"]]},
        2: lambda m: {k: v for k, v in m.items() if k != "name"},
    }
    given = {"version": 1, "name": "a"}
    assert migrate_manifest(given, steps) == {"version": 3, "names": ["a"]}
    assert migrate_manifest({"version": 2, "name": "a", "names": []}, steps) == {"version": 3, "names": []}
    assert given == {"version": 1, "name": "a"}
    assert sorted(STEPS) == list(range(FIRST_VERSION, FILE_VERSION))
    for strange in (0, -3, True, 1.0):
        with pytest.raises(InputError, match="versions begin at 1"):
            migrate_manifest({"version": strange}, steps)


def test_every_part_is_found_and_no_key_has_two_owners() -> None:
    assert parts.import_errors == {}
    keys = [key for entry in parts.entries() for key in entry.value.keys]
    assert len(keys) == len(set(keys)) and "version" not in keys
    document = open_document(VERSIONS / "v1.circuit")
    for entry in parts.entries():
        assert set(entry.value.write(document)) == set(entry.value.keys), entry.name


def test_a_part_added_beside_the_others_is_written_and_read(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    class Mood(DocumentPart):
        keys = ("mood",)

        def write(self, document):  # type: ignore[no-untyped-def]
            return {"mood": document.view.pop("mood", "none")}

        def attach(self, opened, document):  # type: ignore[no-untyped-def]
            document.view["mood"] = opened.get("mood", "default")

    parts.names()  # all modules are imported before the copy is made
    monkeypatch.setattr(parts, "_entries", dict(parts._entries))
    document = open_document(VERSIONS / "v1.circuit")
    parts.register("mood", summary="")(Mood())
    assert open_document(VERSIONS / "v1.circuit").view["mood"] == "default"
    document.view["mood"] = "good"
    save_document(document, tmp_path / "a.circuit")
    assert open_document(tmp_path / "a.circuit").view["mood"] == "good"


def test_the_history_of_ablations_is_kept(tmp_path: Path) -> None:
    document = open_document(VERSIONS / "v1.circuit")
    heads = [n for n in document.state.circuit.node_names if "." in n][:2]  # type: ignore[union-attr]
    for nodes in (heads[:1], heads[1:], heads[1:], heads[:1]):
        document.apply_command(toggle_ablation(nodes))
    assert document.history and document.history[-1]["key"] == document.state.measurement_key
    save_document(document, tmp_path / "a.circuit")
    assert open_document(tmp_path / "a.circuit").history == document.history


def test_saving_through_a_link_keeps_the_link_and_the_permissions(tmp_path: Path) -> None:
    document, real, link = (
        open_document(VERSIONS / "v1.circuit"),
        tmp_path / "real.circuit",
        tmp_path / "l.circuit",
    )
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    save_document(document, link)
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes() == (tmp_path / "l.circuit").read_bytes() != b"old"
    assert sorted(os.listdir(tmp_path)) == ["l.circuit", "real.circuit"]


def test_file_and_folder_are_flushed_before_and_after_the_name_changes(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    done: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os,
        "fsync",
        lambda h: (done.append("folder" if os.path.isdir(f"/proc/self/fd/{h}") else "file"), sync(h)),
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), replace(a, b)))
    write_atomically(tmp_path / "a", b"x")
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[" * 65 + b"]" * 65, "nested too deeply"),
        (b'{"a": "' + b"[" * 1000 + b'"}', None),
        (b'"' + b'\\"' * 300_000, "not valid JSON"),
        (b"9" * 5000, "not valid JSON"),
    ],
)
def test_json_is_bounded_before_it_is_built(data: bytes, says: str | None) -> None:
    if says is None:
        parse_json("a", data)
        return
    with pytest.raises(InputError, match=says):
        parse_json("a", data)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["../evil"], "names a place outside"),
        (["/etc/passwd"], "names a place outside"),
        (["a\\..\\b"], "names a place outside"),
        ([f"e{i}" for i in range(99)], "entries"),
        (["document.json"], "twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_strange_zip_entries_are_refused(tmp_path: Path, names: list[str], says: str) -> None:
    path = tmp_path / "a.circuit"
    path.write_bytes((VERSIONS / "v1.circuit").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(InputError, match=says):
        CircuitFileFormat().read(path)


def test_what_was_tried_on_an_earlier_circuit_is_kept_and_not_offered(tmp_path: Path) -> None:
    document = open_document(VERSIONS / "v1.circuit")
    first = document.state
    assert first.circuit is not None and first.scores is not None
    document.apply_command(toggle_ablation([first.circuit.node_names[1]]))
    assert [entry["key"] for entry in document.current_history] == [document.state.measurement_key]
    other = Graph.transformer(ModelShape(n_layers=1, n_heads=1, d_model=8))
    scores = Scores(other, np.ones(other.mask.shape), "exact")
    where = document.state.origin
    assert where is not None
    document.apply_command(replace_circuit(Circuit(other, other.mask), scores, where, "Find another"))
    document.apply_command(toggle_ablation(["m0"]))
    assert [entry["nodes"] for entry in document.current_history] == [["m0"]] and len(document.history) == 2
    save_document(document, tmp_path / "a.circuit")
    again = open_document(tmp_path / "a.circuit")
    assert again.history == document.history and again.current_history == document.current_history
