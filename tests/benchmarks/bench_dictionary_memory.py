"""Memory and time with dictionaries of Gemma-2-2B's size: ``python tests/benchmarks/bench_dictionary_memory.py``.

26 transcoders of 16,384 features at width 2,304, random, in bfloat16 in circuit-tracer's form (3.9 GB), on a
random Gemma 2 of that width and depth. To fit a machine of 24 GB that does other work besides, the model is
cut where dictionaries do not depend on it: MLPs of 1,024 neurons (9,216 in Gemma 2 2B) and a vocabulary of 1,300
tokens (256,000). ``--compare`` keeps the same weights in float32 too (7.9 GB), and prints by how much what is
attributed differs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

from circuitviz.dtypes import OFFLOAD_CHOICES
from circuitviz.features import (
    AttributionGraph,
    Dictionary,
    FeatureEdgeRows,
    attribution_graph,
    likely_logits,
    node_table,
    run_prompt,
)
from circuitviz.features.dictionary_formats.registry import read_dictionaries
from circuitviz.models import Model, from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path

WIDTH = 2304


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=26)
    parser.add_argument("--features", type=int, default=16_384)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--active", type=float, default=60, help="features active a layer and token")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--offload", choices=OFFLOAD_CHOICES, default="none")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the dictionaries here")
    given = parser.parse_args()
    torch.manual_seed(0)
    model = _model(given.layers)
    run = run_prompt(model, torch.randint(0, 1000, (given.tokens,)).tolist())
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        if not (folder / "bfloat16" / "config.yaml").is_file():
            _write(run, folder, given)
        graph = _measure(run, folder / "bfloat16", given.offload, given.rows)
        if given.compare:
            _compare(graph, _measure(run, folder / "float32", given.offload, given.rows))


def _measure(run: Any, folder: Path, offload: str, rows: int) -> AttributionGraph:
    print(f"{folder.name}, {len(list(folder.glob('layer_*')))} dictionaries, offload {offload}")
    print("| work | seconds | of processors | anonymous memory, GB | file pages, GB |")
    print("| --- | --- | --- | --- | --- |")
    _print_row("model open, prompt run", 0.0, 0.0)
    dictionaries = _timed("dictionaries opened", lambda: _open(folder, offload))
    table = _timed("table of nodes", lambda: node_table(run, dictionaries, attention="transparent"))
    table = _timed("table of nodes again", lambda: node_table(run, dictionaries, attention="transparent"))
    targets, edges = likely_logits(table), FeatureEdgeRows(table)
    graph = _timed(
        f"attribution graph, {len(targets)} logits, {rows} rows",
        lambda: run_to_completion(attribution_graph(edges, targets, max_rows=rows)),
    )
    held_bytes = sum(dictionary.held_bytes for dictionary in dictionaries)
    print(f"{held_bytes / 1e9:.2f} GB counted as held; {run.time} tokens, {len(table):,} nodes")
    return graph


def _open(folder: Path, offload: str) -> list[Dictionary]:
    """Open without the measurement of the fit, which random dictionaries do not have."""
    return [replace(one, offload=offload) for one in read_dictionaries(folder)]


def _compare(half: AttributionGraph, full: AttributionGraph) -> None:
    """Print by how much activations and influences in half precision differ from those in float32."""
    active = [_by_name(graph, graph.table.activation.numpy()[graph.nodes]) for graph in (half, full)]
    both = sorted(active[0].keys() & active[1].keys())
    print(f"nodes of the graphs: {len(active[0])} and {len(active[1])}, {len(both)} of both")
    influence = [_by_name(graph, graph.influence) for graph in (half, full)]
    for what, (ours, right) in (("activation", active), ("influence", influence)):
        x, y = (np.array([values[name] for name in both]) for values in (ours, right))
        r = np.corrcoef(x, y)[0, 1]
        print(
            f"{what}: r = {r:.7f}, summed differences {np.abs(x - y).sum() / np.abs(y).sum():.4%} of the total"
        )


def _by_name(graph: AttributionGraph, values: Any) -> dict[str, float]:
    return {
        graph.table.node(int(node)).name: float(value)
        for node, value in zip(graph.nodes, values, strict=True)
    }


def _timed(work: str, action: Callable[[], Any]) -> Any:
    began, used = time.perf_counter(), time.process_time()
    result = action()
    _print_row(work, time.perf_counter() - began, time.process_time() - used)
    return result


def _print_row(work: str, seconds: float, processor_seconds: float) -> None:
    sizes = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("Rss")
    )
    anonymous, files = (int(sizes[name].split()[0]) / 1e6 * 1.024 for name in ("RssAnon", "RssFile"))
    print(f"| {work} | {seconds:.2f} | {processor_seconds:.2f} | {anonymous:.2f} | {files:.2f} |", flush=True)


def _model(layers: int) -> Model:
    from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        num_hidden_layers=layers,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        hidden_size=WIDTH,
        intermediate_size=1024,
        vocab_size=1300,
        pad_token_id=None,
        attn_implementation="eager",
    )
    hf = Gemma2ForCausalLM(config)
    for name, parameter in hf.named_parameters():
        if "norm" in name:
            parameter.data.normal_(0, 0.3)
    return from_hugging_face(
        hf, AutoTokenizer.from_pretrained(resource_path("demo", "model")), "google/gemma-2-2b"
    )


def _write(run: Any, folder: Path, given: argparse.Namespace) -> None:
    """Write random transcoders whose thresholds let so many features be active."""
    hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
    config = yaml.safe_dump({"model_kind": "transcoder_set", "model_name": "google/gemma-2-2b", **hooks})
    kinds = [torch.bfloat16, torch.float32] if given.compare else [torch.bfloat16]
    for kind in kinds:
        place = folder / str(kind).removeprefix("torch.")
        place.mkdir(parents=True, exist_ok=True)
    for layer in range(given.layers):
        read = run.mlp_norm(layer)(run.mlp_stream[layer])
        encoder = torch.randn(given.features, WIDTH) / WIDTH**0.5
        values = read @ encoder.T
        kept = max(1, round(given.active * run.time))
        state = {
            "W_enc": encoder,
            "W_dec": torch.randn(given.features, WIDTH) / WIDTH**0.5,
            "b_enc": torch.zeros(given.features),
            "b_dec": torch.zeros(WIDTH),
            "activation_function.threshold": values.flatten().topk(kept).values[-1].expand(given.features),
        }
        for kind in kinds:
            place = folder / str(kind).removeprefix("torch.") / f"layer_{layer}.safetensors"
            save_file({name: tensor.to(kind).contiguous() for name, tensor in state.items()}, place)
    for kind in kinds:
        (folder / str(kind).removeprefix("torch.") / "config.yaml").write_text(config)


if __name__ == "__main__":
    main()
