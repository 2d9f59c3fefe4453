"""Provenance is complete: enough to compute a circuit again, and to say what it was computed with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import torch

from circuitviz.__main__ import main
from circuitviz.formats import export_document, import_document, open_document
from circuitviz.models import load_model
from circuitviz.workbench.record_origin import rebuild_task


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
    where = open_document(path).state.provenance
    assert where is not None
    empty = [
        f.name for f in dataclasses.fields(where) if getattr(where, f.name) in ("", None) and f.name != "bos"
    ]
    assert not empty
    model = load_model("demo")
    assert where.weight_hash == model.weight_hash and len(where.weight_hash) == len("sha256:") + 64
    other = load_model("demo")
    with torch.no_grad():
        next(other.hf.parameters())[0, 0] += 1e-3
    assert other.weight_hash != where.weight_hash, "one weight is another"
    assert (where.method, where.seed, where.prompts, where.asked, len(where.pairs)) == ("eap", 5, 4, 30, 4)
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
