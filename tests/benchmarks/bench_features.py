"""Speed of feature circuits, in one run: ``python tests/benchmarks/bench_features.py``.

A GPT-2-small-shaped model with random weights and 24 random dictionaries of 24,576 features (SAEs on
attention's values, transcoders on MLPs) read from files, 64 tokens. Goals: a node table in at most 3 s;
rows at least 3 times faster than autograd; a local circuit of 200 nodes in at most 5 s, another
threshold in 50 ms; peak memory under 5 GB.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import torch

from circuitviz.features import (
    Dictionary,
    DictionarySite,
    FeatureEdgeRows,
    NodeTable,
    PromptRun,
    attribution_graph,
    likely_logits,
    load_dictionaries,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
    write_saelens_folder,
)
from circuitviz.models import Model, from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path

LAYERS, WIDTH = 12, 768


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=24_576)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--active", type=float, default=27, help="features active a site and token")
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--folder", type=Path, help="keep the dictionaries here (4 GB)")
    given = parser.parse_args()
    model = _model()
    run = run_prompt(model, torch.randint(0, 1000, (given.tokens,)).tolist())
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        if not (folder / "a0").is_dir():
            _write(run, folder, given.features, given.active)
        _measure(model, run, folder, given.rows)


def _measure(model: Model, run: PromptRun, folder: Path, number: int) -> None:
    before = _memory()
    loaded, dictionaries = _timed(lambda: load_dictionaries([folder], model))
    first, table = _timed(lambda: node_table(run, dictionaries))
    used = time.process_time()
    again, table = _timed(lambda: node_table(run, dictionaries))
    used = time.process_time() - used
    readers = np.random.default_rng(0).choice(np.flatnonzero(~table.is_leaf), number, replace=False)
    ours: list[float] = []
    theirs: list[float] = []
    for node in readers:
        seconds, (row, _) = _timed(lambda node=node: FeatureEdgeRows(table).rows([node]))
        ours.append(seconds)
        seconds, right = _timed(lambda node=node: _by_autograd(table, int(node)))
        theirs.append(seconds)
        scale = float(right.abs().max())
        torch.testing.assert_close(row[0], right, rtol=1e-3, atol=1e-4 * scale)
    together, _ = _timed(lambda: FeatureEdgeRows(table).rows(readers))
    site, last = f"m{LAYERS - 1}", run.time - 1
    target = node_target(table, table.node(int(table.features_at(site, last)[0])).name)
    edges = FeatureEdgeRows(table)
    local, found = _timed(lambda: local_circuit(edges, target, nodes=200, gate="absolute"))
    slider, _ = _timed(lambda: local_circuit(edges, target, tau=found.tau * 1.05, gate="absolute"))
    logits = likely_logits(table)
    graph, made = _timed(
        lambda: run_to_completion(attribution_graph(FeatureEdgeRows(table), logits, max_rows=1000))
    )
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"{run.time} tokens, {len(table):,} nodes, {torch.get_num_threads()} threads")
    print("| work | seconds |\n| --- | --- |")
    print(f"| 24 dictionaries opened | {loaded:.2f} |")
    print(f"| node table, files not read before | {first:.2f} |")
    print(f"| node table again | {again:.2f} ({used:.2f} of processors) |")
    print(f"| a row alone, median of {number} | {statistics.median(ours):.4f} |")
    print(f"| a row by autograd, median | {statistics.median(theirs):.4f} ({ratio:.1f} times) |")
    print(f"| a row among {number} | {together / number:.4f} |")
    print(f"| local circuit of {len(found.nodes)} nodes | {local:.2f} |")
    print(f"| the same at another threshold | {slider:.4f} |")
    print(
        f"| attribution graph, {len(made.targets)} logits, 1,000 rows ({made.unexpanded_influence:.0%} unread) | {graph:.2f} |"
    )
    print(f"peak memory {_memory():.2f} GB, of which {before:.2f} GB before dictionaries were opened")


def _model() -> Model:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    hf = GPT2LMHeadModel(GPT2Config(attn_implementation="eager"))
    return from_hugging_face(hf, AutoTokenizer.from_pretrained(resource_path("demo", "model")), "gpt2")


def _write(run: PromptRun, folder: Path, features: int, active: float) -> None:
    """Random dictionaries whose bias lets so many features be active."""
    for layer in range(LAYERS):
        for part, reads in (("a", "z"), ("m", "normalised")):
            draw = torch.Generator().manual_seed(layer)
            one = Dictionary(
                name=f"{part}{layer}",
                architecture="transcoder" if part == "m" else "standard",
                site=DictionarySite(layer, part, reads),
                encoder=torch.randn(WIDTH, features, generator=draw) / WIDTH**0.5,
                bias=torch.zeros(features),
                decoder=torch.randn(features, WIDTH, generator=draw) / WIDTH**0.5,
                decoder_bias=torch.randn(WIDTH, generator=draw) / 10,
            )
            values = run.dictionary_input(one) @ one.encoder
            kept = max(1, round(active * run.time))
            one.bias.fill_(-float(values.flatten().topk(kept).values[-1]))
            write_saelens_folder(one, folder / one.name)


def _by_autograd(table: NodeTable, node: int) -> torch.Tensor:
    """The same row by one backward pass: gradients at the streams, then dots with what was written."""
    run, model = table.run, table.run.model
    position, layer, item = int(table.position[node]), int(table.layer[node]), int(table.item[node])
    attention = bool(table.part[node])
    one = table.dictionaries[f"{'a' if attention else 'm'}{layer}"]
    weights = model.layers[layer]
    held = (run.attention_stream if attention else run.mlp_stream)[layer]
    stream = held.detach().requires_grad_()
    norm = weights.attn_norm if attention else weights.mlp_norm
    assert norm is not None
    scale = norm.normalise_parts(held)[1]
    normal = (stream - stream.mean(-1, keepdim=True)) * scale
    if attention:
        values = torch.einsum("td,hde->the", normal, weights.v) + weights.v_bias
        read = torch.einsum("hts,she->the", run.pattern[layer], values)[position].flatten()
    else:
        read = (normal * norm.weight + norm.bias)[position]
    value = read @ one.encoder[:, item] + one.bias[item]
    (gradient,) = torch.autograd.grad(value, stream)
    row, stage = torch.zeros(len(table)), 4 * layer + 2 if attention else 4 * layer + 3
    for at in range(run.time):  # autograd does not know at which positions nothing flows
        here = table.rows_before(at, stage)
        row[here] = table.written[here] @ gradient[at]
    return row


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def _memory() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
