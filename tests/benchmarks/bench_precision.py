"""What weights in half precision cost: ``python tests/benchmarks/bench_precision.py [--folder SMOLLM2]``.

For each method, and each of bfloat16 and float16: Pearson's correlation of all edges' scores with those of
float32 weights, and what the chosen circuits have in common (intersection over union; 200 edges, or those that
ACDC kept). The model has GPT-2's architecture with random weights (4 layers, 8 heads, width 256), or is a
checkpoint's: then exact patching takes the edges of the logits and the last MLP alone, methods that need a pass
for each layer, node or edge are left out, and memory of loading is told, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from circuitviz.discovery import default_selection, discover
from circuitviz.graph import Scores
from circuitviz.models import Model, from_hugging_face, load_model
from circuitviz.resources import resource_path
from circuitviz.tasks import Task, load_task

EDGES = 200
PROMPTS = 8
FAST_METHODS = ("eap", "eap-ig", "clean-corrupted", "attribution-patching", "information-flow-routes")
LOADING = """
import re, sys
from pathlib import Path
from circuitviz.models import hugging_face, load_model

def peak():  # of this program; getrusage's is also of the one that started it
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e9

before = peak()
model = load_model(sys.argv[1], dtype=sys.argv[2])
stored = sum(p.numel() * p.element_size() for p in model.parameters.values()) / 1e9
print(f"{before:.2f} GB with the libraries alone, {peak():.2f} at most, weights {stored:.2f}")
"""


def main() -> None:
    """Print a Markdown table for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="of a checkpoint, such as SmolLM2's")
    given = parser.parse_args()
    options: dict[str, dict[str, Any]] = {name: {} for name in FAST_METHODS}
    if given.folder is None:
        options |= {"eap-ig-activations": {}, "activation-patching": {"positions": False}}
        options |= {"path-patching": {}, "exact": {}, "acdc": {"tau": 3e-4}}
        _compare("GPT-2's architecture, random weights", _random_gpt2, options)
        return
    layers = json.loads((Path(given.folder) / "config.json").read_text())["num_hidden_layers"]
    options["exact"] = {"receivers": f"logits,m{layers - 1}"}
    _compare(given.folder, lambda dtype: load_model(given.folder, dtype=dtype), options)
    for dtype in ("float32", "bfloat16"):
        command = [sys.executable, "-c", LOADING, given.folder, dtype]
        print(f"loading in {dtype}: {subprocess.run(command, capture_output=True, text=True).stdout.strip()}")


def _random_gpt2(dtype: str) -> Model:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        bos_token_id=None,
        eos_token_id=None,
        n_layer=4,
        n_head=8,
        n_embd=256,
        vocab_size=2048,
        initializer_range=0.08,
        attn_implementation="eager",
    )
    hf = GPT2LMHeadModel(config).to(getattr(torch, dtype))
    return from_hugging_face(hf, AutoTokenizer.from_pretrained(resource_path("demo", "model")), "gpt2")


def _compare(title: str, make: Any, methods: dict[str, dict[str, Any]]) -> None:
    print(f"\n{title}, IOI, {PROMPTS} prompts\n")
    print("| method | bfloat16: r | overlap | float16: r | overlap | seconds in float32, bfloat16, float16 |")
    print("| --- | --- | --- | --- | --- | --- |")
    models = {dtype: make(dtype) for dtype in ("float32", "bfloat16", "float16")}
    tasks: dict[str, Task] = {dtype: load_task("ioi", m, prompts=PROMPTS) for dtype, m in models.items()}
    for method, options in methods.items():
        found: dict[str, Scores] = {}
        seconds = []
        for dtype, model in models.items():
            began = time.perf_counter()
            found[dtype] = discover(model, tasks[dtype], method, metric="logit-diff", **options)
            seconds.append(f"{time.perf_counter() - began:.1f}")
        cells = [
            f"{_correlation(found['float32'], found[dtype]):.5f} | {_overlap(found['float32'], found[dtype]):.3f}"
            for dtype in ("bfloat16", "float16")
        ]
        print(f"| `{method}` | {' | '.join(cells)} | {', '.join(seconds)} |", flush=True)


def _correlation(full: Scores, half: Scores) -> float:
    """Pearson's r over the edges that were scored."""
    scored = full.graph.mask & (full.values != 0)
    return float(np.corrcoef(full.values[scored], half.values[scored])[0, 1])


def _overlap(full: Scores, half: Scores) -> float:
    """Intersection over union of the chosen circuits."""
    rule = default_selection(full.method)
    first, second = (scores.select(rule, EDGES).edges for scores in (full, half))
    return float((first & second).sum() / (first | second).sum())


if __name__ == "__main__":
    main()
