"""Every method on a real model: ``python tests/benchmarks/real_model.py FOLDER [-o RESULTS.json]``.

Prints the tables of the README's section 'On a real model': on each task, the faithfulness of each method's circuits
of 0.1 to 20 % of the edges beside random circuits of the same sizes, with processor time and memory; and the
correlation of estimated scores with exact patching, on random edges and on the strongest. Exact patching of
all 70,651 edges of SmolLM2 takes hours, so it is measured on a sample, and ACDC is left out.

Each result is written as soon as it is there and never computed twice, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery import default_selection, discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.evaluation import make_bench, measure_curve_steps, mib_edge_counts
from circuitviz.graph import Scores
from circuitviz.models import Model, load_model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task

TASKS = ("ioi", "gender", "capitals")
SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
RANDOM = "random circuits"
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "EAP": ("eap", {}),
    "clean-corrupted": ("clean-corrupted", {}),
    "EAP-IG, 5 steps": ("eap-ig", {"steps": 5}),
    "EAP-IG, 20 steps": ("eap-ig", {"steps": 20}),
    "EAP-IG, 50 steps": ("eap-ig", {"steps": 50}),
    "EAP-IG over activations, 1 step": ("eap-ig-activations", {"steps": 1}),
    "RelP": ("relp", {}),
    "RelP, gradient of patterns": ("relp", {"qk": "gradient"}),
    "GIM": ("gim", {}),
    "AtP*": ("atp-star", {}),
    "ensemble of EAP, EAP-IG and GIM": ("ensemble", {}),
    "learned ranking, 500 steps of 4 prompts": ("learned-ranking", {"step_prompts": 4}),
    "information flow routes": ("information-flow-routes", {}),
    "attribution patching (nodes)": ("attribution-patching", {}),
    "activation patching (nodes)": ("activation-patching", {"positions": False}),
    "path patching to the logits": ("path-patching", {}),
}
IN_CURVES = tuple(name for name in METHODS if name not in ("EAP-IG, 20 steps", "EAP-IG, 50 steps"))
NO_EFFECTS_OF_ALL_EDGES = (
    "path-patching",
    "ensemble",
    "learned-ranking",
)  # of a few receivers' edges, or ranks
N_RANDOM_EDGES, N_STRONGEST_EDGES = 500, 200


class Results:
    """Results by name in a JSON file; a result that is there is not computed again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the named result, computed and written down where it is not there yet."""
        if name not in self.values:
            self.values[name] = compute()
            self.path.write_text(json.dumps(self.values, indent=1))
            print(f"{name}: done", flush=True)
        return self.values[name]


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder or name of the model")
    parser.add_argument("-o", "--results", type=Path, default=Path("real-model.json"))
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--exact-prompts", type=int, default=8, help="prompts of exact patching")
    given = parser.parse_args()
    results, model = Results(given.results), load_model(given.model)
    for name in given.tasks:
        task = load_task(name, model, prompts=given.prompts)
        for method in IN_CURVES:
            results.get(f"{name} / {method}", lambda method=method, task=task: _measure(model, task, method))
        results.get(f"{name} / {RANDOM}", lambda task=task: _measure_random(model, task))
        few = task.subset(range(given.exact_prompts))
        correlations = f"{name} / correlations, {given.exact_prompts} prompts"
        results.get(correlations, lambda few=few: _correlate_with_exact(model, few))
    for name in given.tasks:
        _print_curves(model, name, results)
    _print_correlations(given.tasks, given.exact_prompts, results)


def _measure(model: Model, task: Task, method: str) -> dict[str, Any]:
    """Search and measure the curve; processor seconds and peak memory of the search."""
    name, options = METHODS[method]
    _reset_peak_memory()
    begun = process_time()
    scores = discover(model, task, name, metric="logit-diff", **options)
    cost = {"seconds": process_time() - begun, "peak_gb": _peak_memory_gb()}
    return {**cost, "curve": _curve(model, task, scores, default_selection(name))}


def _measure_random(model: Model, task: Task) -> dict[str, Any]:
    """Circuits chosen by scores that are drawn."""
    draw = np.random.default_rng(0).random(model.graph.mask.shape)
    scores = Scores(model.graph, np.where(model.graph.mask, draw, 0), "random")
    return {"curve": _curve(model, task, scores, "greedy")}


def _curve(model: Model, task: Task, scores: Scores, select: str) -> list[dict[str, Any]]:
    bench = make_bench(make_setting(model, task, "logit-diff"), model.graph, {})
    counts = mib_edge_counts(model.graph.n_edges, SHARES)
    points = run_to_completion(measure_curve_steps(bench, scores, select, counts))
    return [point.as_dict() for point in points]


def _correlate_with_exact(model: Model, task: Task) -> dict[str, Any]:
    """Pearson correlations with exact effects: on edges drawn from all, and on the strongest by EAP-IG."""
    scores = {
        method: discover(model, task, name, metric="logit-diff", **options).values
        for method, (name, options) in METHODS.items()
        if name not in NO_EFFECTS_OF_ALL_EDGES
    }
    edges = np.argwhere(model.graph.mask)
    drawn = edges[np.random.default_rng(0).choice(len(edges), N_RANDOM_EDGES, replace=False)]
    strength = np.abs(scores["EAP-IG, 50 steps"][tuple(edges.T)])
    strongest = edges[np.argsort(-strength)[:N_STRONGEST_EDGES]]
    begun = process_time()
    both = {tuple(map(int, edge)) for edge in (*drawn, *strongest)}
    exact = run_to_completion(
        measure_edge_effects(make_setting(model, task, "logit-diff"), sorted(both))
    ).values
    seconds = process_time() - begun

    def correlations(edges: NDArray[np.int64]) -> dict[str, float]:
        at = tuple(edges.T)
        return {method: float(np.corrcoef(values[at], exact[at])[0, 1]) for method, values in scores.items()}

    return {
        "random": correlations(drawn),
        "strongest": correlations(strongest),
        "seconds_per_edge": seconds / len(both),
    }


def _print_curves(model: Model, task: str, results: Results) -> None:
    counts = mib_edge_counts(model.graph.n_edges, SHARES)
    print(f"\n`{task}`: faithfulness of circuits of {', '.join(f'{count:,}' for count in counts)} edges\n")
    heads = ("method", *(f"{share:.1%}" for share in SHARES), "processor time, s", "memory, GB")
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for method in (*IN_CURVES, RANDOM):
        found = results.values[f"{task} / {method}"]
        cells = [
            f"{point['value']:.2f} [{point['low']:.2f}, {point['high']:.2f}]" for point in found["curve"]
        ]
        cells += ["–"] * (len(SHARES) - len(cells))  # more edges than the method examined
        cells += [f"{found['seconds']:.0f}", f"{found['peak_gb']:.1f}"] if "seconds" in found else ["", ""]
        print(f"| {method} | " + " | ".join(cells) + " |")


def _print_correlations(tasks: Sequence[str], prompts: int, results: Results) -> None:
    found = [results.values[f"{task} / correlations, {prompts} prompts"] for task in tasks]
    heads = [f"{task}, {kind}" for task in tasks for kind in ("random", "strongest")]
    print(
        "\n| correlation with exact patching | " + " | ".join(heads) + " |\n|" + " --- |" * (len(heads) + 1)
    )
    for method in found[0]["random"]:
        cells = [f"{one[kind][method]:.3f}" for one in found for kind in ("random", "strongest")]
        print(f"| {method} | " + " | ".join(cells) + " |")
    print(
        "\nexact patching, processor seconds an edge:", *(f"{one['seconds_per_edge']:.2f}" for one in found)
    )


def _reset_peak_memory() -> None:
    """Let Linux count this process's peak memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_gb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


if __name__ == "__main__":
    main()
