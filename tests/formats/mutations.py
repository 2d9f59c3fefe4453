"""Files that are changed at random: each gives a document that can be kept again, or one clear sentence.

Run as a program with a number of files and a seed, it limits its own memory, and prints what happened.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from peak_memory import peak_memory_bytes
from safetensors.numpy import load, save

from circuitviz.document import Document, Group, Label, State, TaskOrigin
from circuitviz.document.labels import ClaimOutcome, Evidence, EvidenceContext
from circuitviz.errors import InputError
from circuitviz.formats import export_document, import_document, save_document
from circuitviz.formats.circuit_file import pack_document
from circuitviz.graph import Graph, Intervention, ModelShape, Node, NodeKind, Scores

MEMORY = 3 * 2**30  # bytes of address space, the libraries' own included
PATIENCE = 20.0  # seconds after which a file counts as one that never ends
LONGEST = 600  # letters of an error
WORDS = re.compile(r"\w+|\s+|.")
OFTEN = {".circuit": 4, ".graph.json": 2}  # the files that say most
STRANGE: list[Any] = [None, -1, 0, 1e400, float("nan"), "x", "", [], {}, [[]], {"a": 1}, True, 10**12, -(2**63), "a0.h0", "a->b",
                      "\ud800", "9" * 4400, [0] * 50, 0.5, "#12", "../x", [["m0", 1]], {"nodes": []}]  # fmt: skip


def task_origin() -> TaskOrigin:
    return TaskOrigin("demo", "ab" * 32, "ioi", "cd" * 32, (("a", "b", (" c",), (" d",)),), "logit-diff", "corrupted", "eap-ig",
                      {"steps": 5}, "greedy", 20, 1, 0, None, versions={"torch": "2"}, machine="m", created="2026")  # fmt: skip


def heads() -> Document:
    graph = Graph.transformer(ModelShape(2, 4, 16, 2))
    scores = Scores(
        graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap", {"steps": 5}, info={"own": 0.5}
    )
    circuit = scores.greedy(30)
    names = [n for n in circuit.node_names if n not in ("logits", "input")]
    outcome = ClaimOutcome(
        "holds", 0.5, 0.1, 0.9, "effect", 8, "ab", 0, "2026", EvidenceContext("a", "b", "c")
    )
    evidence = (Evidence("it moves", "patch", {"n": 1}, outcome), Evidence("it reads", "look"))
    labels = {
        names[0]: Label("Name Mover", "#102030", "note", 0.5, "me", evidence),
        names[1]: Label('a "quote"'),
    }
    groups = {"early": Group(frozenset(names[:2]), collapsed=True)}
    changed = {names[3]: Intervention("scale", 0.5), names[4]: Intervention("mean", positions=(1, 2))}
    state = State(
        task_origin(),
        scores,
        circuit,
        frozenset(names[2:3]),
        labels=labels,
        positions={names[1]: (1.0, 2.0)},
        groups=groups,
        interventions=changed,
    )
    document = Document(state)
    document.view = {
        "layout": "grid",
        "zoom": 1.5,
        "centre": [1, 2],
        "selected": {"nodes": names[:1], "edges": []},
    }
    document.curve = [{"asked": 1, "edges": 1, "value": 0.5, "low": None, "high": 0.7}]
    return document


def features() -> Document:
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=17),
        Node("m0.f9@1", NodeKind.FEATURE, 0, site="m", position=1, feature=9, dictionary="d"),
        Node("m0.error@1", NodeKind.ERROR, 0, site="m", position=1),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
    )
    mask = np.array([[0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]], dtype=bool)
    graph = Graph.of_nodes(ModelShape(1, 2, 8), nodes, mask)
    scores = Scores(graph, graph.mask * 0.5, "attribution-graph")
    return Document(State(None, scores, scores.top(4), labels={"m0.f9@1": Label("names")}))


def seeds(folder: Path) -> list[tuple[str, bytes]]:
    """A good file of each kind that is read: its suffix, and its bytes."""
    made = []
    for name, document in (("heads", heads()), ("features", features())):
        for suffix in (".circuit", ".graph.json", ".graphml", ".csv", ".nodes.csv", ".json"):
            path = folder / f"{name}{suffix}"
            if name == "features" and suffix == ".json":
                continue
            if suffix == ".circuit":
                save_document(document, path)
            else:
                export_document(document, path)
            made.append((suffix, path.read_bytes()))
    graph = json.loads((folder / "features.graph.json").read_text())
    for node in graph["nodes"]:
        del node["circuitviz"]
    params = {
        "supernodes": '[["a", "0_9_1"]]',
        "clerps": [["0_9_1", "b"]],
        "pinnedIds": [],
        "clickedId": "0_9_1",
    }
    made.append((".graph.json", json.dumps({**graph, "qParams": params}).encode()))
    reference = {"reference": "r", "about": "a", "sources": ["s"], "shape": {"n_layers": 2, "n_heads": 2, "d_model": 4}, "edges": ["input->m0"],
                 "classes": {"A": ["a0.h0"], "B": ["a1.h1"]}, "connections": [{"from": "A", "to": "B", "channels": "qk"}]}  # fmt: skip
    made.append((".reference.json", json.dumps(reference).encode()))
    return [(suffix, data) for suffix, data in made for _ in range(OFTEN.get(suffix, 1))]


def mutate(node: Any, pick: random.Random) -> None:
    """Exchange, remove or double a value somewhere in JSON."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = pick.choice(keys)
    if isinstance(node[key], dict | list) and node[key] and pick.random() < 0.75:
        mutate(node[key], pick)
    elif (chance := pick.random()) < 0.6:
        node[key] = copy.deepcopy(pick.choice(STRANGE))
    elif chance < 0.8:
        del node[key]
    elif isinstance(node, list):
        node.insert(pick.randrange(len(node) + 1), copy.deepcopy(node[key]))
    else:
        node[str(pick.choice(STRANGE))[:20]] = copy.deepcopy(node[key])


def mutate_bytes(data: bytes, pick: random.Random, others: list[bytes]) -> bytes:
    """Flip, cut, double, splice."""
    out = bytearray(data)
    for _ in range(pick.choice((1, 1, 2, 5, 40))):
        at = pick.randrange(len(out) + 1)
        span = pick.choice((1, 2, 8, 200))
        match pick.randrange(6):
            case 0 if out:
                out[min(at, len(out) - 1)] = pick.randrange(256)
            case 1:
                del out[at : at + span]
            case 2:
                out[at:at] = out[at : at + span] * pick.choice((1, 3, 100))
            case 3:
                other = pick.choice(others)
                begin = pick.randrange(len(other))
                out[at:at] = other[begin : begin + span]
            case 4:
                out[at : at + 4] = struct.pack(
                    "<I", pick.choice((0, 1, 2**31, 2**32 - 1, pick.randrange(2**32)))
                )
            case _:
                out[at:at] = pick.choice(
                    (b"[", b"{", b"<", b'"', b"\0", b"\xff", b",", b"9", b"\n", b"->")
                ) * pick.choice((1, 70, 3000))
        if not out:
            break
    if pick.random() < 0.15:
        del out[pick.randrange(len(out) + 1) :]
    return bytes(out)


def repacked(data: bytes, pick: random.Random, others: list[bytes]) -> bytes:
    """A document's zip with its manifest or tensors changed inside."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest, tensors = archive.read("document.json"), archive.read("tensors.safetensors")
    match pick.randrange(4):
        case 0 | 1:
            manifest = mutate_json(manifest, pick)
        case 2:
            tensors = mutate_bytes(tensors, pick, others)
        case _:
            arrays = load(tensors)
            name = pick.choice(list(arrays))
            changed = [arrays[name].T, arrays[name].astype(np.float32), arrays[name][:0], arrays[name] * np.nan, arrays[name].astype(np.int64) * 10**9,
                       np.zeros((3, 3)), arrays[name].ravel(), arrays[name].astype(np.float16), arrays[name] != 0]  # fmt: skip
            arrays[name] = np.ascontiguousarray(pick.choice(changed))
            if pick.random() < 0.2:
                del arrays[name]
            tensors = save(arrays)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", pick.choice((zipfile.ZIP_DEFLATED,) * 9 + (zipfile.ZIP_LZMA,))) as archive:
        archive.writestr("document.json", manifest)
        archive.writestr("tensors.safetensors", tensors)
        if pick.random() < 0.1:
            archive.writestr(pick.choice(("../evil", "/etc/x", "more.json", "a" * 300)), b"x" * 100)
    return out.getvalue()


def mutate_json(data: bytes, pick: random.Random) -> bytes:
    tree = json.loads(data)
    for _ in range(pick.choice((1, 1, 2, 6))):
        mutate(tree, pick)
    return json.dumps(tree).encode()


def mutate_words(data: bytes, pick: random.Random) -> bytes:
    """Exchange, remove or double words and signs of a text."""
    words = WORDS.findall(data.decode())
    for _ in range(pick.choice((1, 1, 2, 8))):
        at = pick.randrange(len(words))
        match pick.randrange(4):
            case 0:
                words[at] = pick.choice(words)
            case 1:
                words[at] = json.dumps(pick.choice(STRANGE)).strip('"')
            case 2:
                words[at : at + pick.choice((1, 3))] = []
            case _:
                words[at:at] = words[at : at + pick.choice((1, 9))]
        words = words or [""]
    return "".join(words).encode()


def mutated(pick: random.Random, seeds: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """One file: its suffix and its bytes."""
    suffix, data = pick.choice(seeds)
    others = [other for _, other in seeds]
    chance = pick.random()
    if suffix == ".circuit" and chance < 0.8:
        data = repacked(data, pick, others)
    elif suffix.endswith("json") and chance < 0.7:
        data = mutate_json(data, pick)
    elif suffix != ".circuit" and chance < 0.9:
        data = mutate_words(data, pick)
    else:
        data = mutate_bytes(data, pick, others)
    if pick.random() < 0.03:
        suffix = pick.choice(seeds)[0]
    return suffix, data


def run(number: int, seed: int) -> dict[str, Any]:
    """Shake and open so many files; ``faults`` are those that give neither a document nor an error."""
    outcome: Counter[str] = Counter(documents=0, errors=0)
    faults: list[str] = []
    pick, slowest = random.Random(seed), 0.0

    def never(*_: object) -> None:
        raise AssertionError("it never ends")

    signal.signal(signal.SIGALRM, never)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = seeds(folder)
        for path in folder.iterdir():
            path.unlink()
        for at in range(number):
            suffix, data = mutated(pick, good)
            path = folder / f"a{suffix}"
            path.write_bytes(data)
            for beside in (".csv", ".nodes.csv"):  # tables are read together
                if suffix in (".csv", ".nodes.csv") and beside != suffix:
                    there = [d for s, d in good if s == beside]
                    (folder / f"a{beside}").write_bytes(there[b"@" in data])  # of the same circuit
            began = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            try:
                document = import_document(path)
                assert document.state.hash
                pack_document(document)
                outcome["documents"] += 1
                other = pick.choice((".dot", ".graph.json", ".json", ".graphml", ".nodes.csv"))
                with contextlib.suppress(InputError):  # features are nothing for EAP-IG
                    export_document(document, folder / f"again{other}")
            except InputError as error:
                text = str(error)
                assert "\n" not in text and 10 < len(text) < LONGEST, f"{at}: {text!r}"
                outcome["errors"] += 1
            except Exception as error:
                faults.append(
                    f"file {at} of seed {seed}, {suffix}: {''.join(traceback.format_exception(error)[-4:])}"
                )
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            slowest = max(slowest, time.monotonic() - began)
            for left in folder.iterdir():
                left.unlink()
    peak = peak_memory_bytes() / 2**20
    return {**outcome, "slowest_seconds": round(slowest, 3), "peak_mb": round(peak), "faults": faults}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told = run(int(sys.argv[1]), int(sys.argv[2]))
    print("\n".join(told["faults"]), file=sys.stderr)
    print(json.dumps({**told, "faults": len(told["faults"])}))
