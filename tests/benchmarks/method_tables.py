"""Every method on every model, in one run: ``python tests/benchmarks/method_tables.py [FOLDER] [-o RESULTS]``.

Prints the README's tables: on tasks of the demo, of the models whose circuit is known and, where its folder is given,
of a real model, each method's CPR, CMD and clipped CPR [mib2025] and the faithfulness of its circuits, with processor
time and memory of the search; on the known circuits also AUROC and average precision against the true
edges; and on the real model the correlation of scores with exact patching. Circuits are judged on prompts that the
search has not seen. Where a graph is too large to run the model once for every edge, ACDC and exact
patching examine the edges that EAP chooses.

Each result is written as soon as it is there and never computed twice, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery import default_selection, discover, make_setting, methods
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.errors import InputError
from circuitviz.evaluation import compare_methods_steps, curve_areas, make_bench, measure_curve_steps
from circuitviz.evaluation.curve import EDGE_SHARES
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.random_circuits import draw_random_scores
from circuitviz.formats import import_document
from circuitviz.graph import Scores
from circuitviz.models import Model, load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import Task, load_task

REAL_TASKS = ("ioi", "capitals", "gender")
DEMO_TASKS = ("ioi", "greater-than", "sva", "gender", "induction")
KNOWN_MODELS = ("reverse", "x-proportion", "backup")
KNOWN_ABLATIONS = ("corrupted", "zero")
SHOWN_SHARES = (0.001, 0.005, 0.01, 0.05, 0.2)
AREAS = ("cpr", "cmd", "cpr_clipped")
RANDOM = "random ranking"
MAX_EDGES_ONE_BY_ONE = 5_000  # edges of a graph that ACDC and exact patching examine all
PRESELECTED_EDGES = 2_000
N_RANDOM_EDGES, N_STRONGEST_EDGES = 500, 200


@dataclass(frozen=True)
class MethodRun:
    """A method with its options, and how its row is called."""

    method: str
    options: dict[str, Any]
    label: str
    is_in_tables: bool = True
    scores_all_edges: bool = True  # with effects, not ranks, and not of some receivers alone


def method_runs(n_edges: int) -> list[MethodRun]:
    """The rows of the tables for a graph of ``n_edges`` edges."""
    is_large = n_edges > MAX_EDGES_ONE_BY_ONE
    some = {"preselect": PRESELECTED_EDGES} if is_large else {}
    note = f", {PRESELECTED_EDGES:,} edges" if is_large else ""
    return [
        MethodRun("eap", {}, "EAP"),
        MethodRun("clean-corrupted", {}, "clean-corrupted"),
        MethodRun("eap-ig", {"steps": 5}, "EAP-IG, 5 steps"),
        MethodRun("eap-ig", {"steps": 20}, "EAP-IG, 20 steps", is_in_tables=False),
        MethodRun("eap-ig", {"steps": 50}, "EAP-IG, 50 steps", is_in_tables=False),
        MethodRun("eap-ig-activations", {"steps": 1}, "EAP-IG over activations, 1 step"),
        MethodRun("relp", {}, "RelP"),
        MethodRun("relp", {"qk": "gradient"}, "RelP, gradient of patterns"),
        MethodRun("gim", {}, "GIM"),
        MethodRun("atp-star", {}, "AtP*"),
        MethodRun("ensemble", {}, "ensemble of EAP, EAP-IG and GIM", scores_all_edges=False),
        MethodRun("information-flow-routes", {}, "information flow routes"),
        MethodRun("attribution-patching", {}, "attribution patching (nodes)"),
        MethodRun("activation-patching", {"positions": False}, "activation patching (nodes)"),
        MethodRun("path-patching", {}, "path patching to the logits", scores_all_edges=False),
        MethodRun("learned-ranking", {"step_prompts": 4}, "learned ranking", scores_all_edges=False),
        MethodRun("acdc", some, f"ACDC{note}", scores_all_edges=False),
        MethodRun("exact", some, f"exact patching{note}", scores_all_edges=False),
    ]


class Results:
    """Results by name in a JSON file, and scores beside it; what is there is not computed again."""

    def __init__(self, path: Path) -> None:
        self.path, self.scores_folder = path, path.with_suffix(".scores")
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the named result, computed and written down where it is not there yet."""
        if name not in self.values:
            self.values[name] = compute()
            self.path.write_text(json.dumps(self.values, indent=1))
            print(f"{name}: done", flush=True)
        return self.values[name]

    def scores_path(self, name: str) -> Path:
        """Where the scores of a search lie."""
        self.scores_folder.mkdir(exist_ok=True)
        return self.scores_folder / f"{name.replace('/', '-')}.npy"


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "real_model", nargs="?", help="folder or name of a real model; without it, it is left out"
    )
    parser.add_argument("-o", "--results", type=Path, default=Path("method-tables.json"))
    parser.add_argument("--prompts", type=int, default=40, help="prompts that circuits are judged on")
    parser.add_argument("--search-prompts", type=int, default=16, help="other prompts, of the searches")
    parser.add_argument(
        "--exact-prompts", type=int, default=16, help="prompts of exact patching of a sample of edges"
    )
    parser.add_argument("--tasks", nargs="+", default=REAL_TASKS, help="tasks of the real model")
    given = parser.parse_args()
    results = Results(given.results)
    pairs = [("demo", DEMO_TASKS), *((name, (name,)) for name in KNOWN_MODELS)]
    if given.real_model:
        pairs.insert(0, (given.real_model, given.tasks))
    for source, tasks in pairs:
        model = load_model(source)
        for name in tasks:
            _measure_task(model, name, given, results)
        rows = [run.label for run in method_runs(model.graph.n_edges) if run.is_in_tables] + [RANDOM]
        _print_areas(model, tasks, rows, results)
        if model.graph.n_edges > MAX_EDGES_ONE_BY_ONE:
            for name in tasks:
                _print_faithfulness(model, name, rows, results)
    if given.real_model:
        _print_correlations(given.tasks, given.exact_prompts, results)
    _print_known_circuits(results)


def _measure_task(model: Model, name: str, given: argparse.Namespace, results: Results) -> None:
    task = load_task(name, model, prompts=given.search_prompts + given.prompts)
    searched = task.subset(range(given.search_prompts))
    judged = task.subset(range(given.search_prompts, len(task)))
    bench = make_bench(make_setting(model, judged, "logit-diff"), model.graph, {})
    where = f"{Path(model.name).name} / {name}"
    runs = [run for run in method_runs(model.graph.n_edges) if run.is_in_tables]
    for run in runs:
        key = f"{where} / {run.label}"
        results.get(key, partial(_measure, searched, bench, run, results.scores_path(key)))
    results.get(f"{where} / {RANDOM}", partial(_measure_random, bench))
    if model.graph.n_edges > MAX_EDGES_ONE_BY_ONE:
        few = searched.subset(range(given.exact_prompts))
        key = f"{where} / correlations, {given.exact_prompts} prompts"
        results.get(key, partial(_correlate_with_exact, model, few))


def _measure(searched: Task, bench: FaithfulnessBench, run: MethodRun, path: Path) -> dict[str, Any]:
    """Search and measure the curve; processor seconds and peak memory of the search."""
    model = bench.setting.model
    _reset_peak_memory()
    begun_s = process_time()
    try:
        scores = discover(model, searched, run.method, metric="logit-diff", **run.options)
    except InputError as error:
        return {"error": str(error)}
    cost = {"seconds": process_time() - begun_s, "peak_gb": _peak_memory_gb()}
    np.save(path, scores.values)
    select = default_selection(run.method)
    if select == "own":  # one circuit, whatever the size
        point = run_to_completion(measure_curve_steps(bench, scores, select, [scores.n_examined]))[0]
        return {**cost, "circuit": point.as_dict()}
    return {**cost, **_measure_curve(bench, scores, select)}


def _measure_random(bench: FaithfulnessBench) -> dict[str, Any]:
    scores = next(iter(draw_random_scores(bench.setting.model.graph, 1, seed=0)))
    return _measure_curve(bench, scores, "top")


def _measure_curve(bench: FaithfulnessBench, scores: Scores, select: str) -> dict[str, Any]:
    """Faithfulness at MIB's sizes; the areas where scores of all edges reach the whole model."""
    points = run_to_completion(measure_curve_steps(bench, scores, select))
    found: dict[str, Any] = {
        "curve": [
            {"share": share, **point.as_dict()} for share, point in zip(EDGE_SHARES, points, strict=False)
        ]
    }
    if len(points) == len(EDGE_SHARES):
        found["areas"] = {
            name: [area.value, area.low, area.high] for name, area in curve_areas(points).items()
        }
    return found


def _correlate_with_exact(model: Model, task: Task) -> dict[str, Any]:
    """Pearson correlations with exact effects: on edges drawn from all, and on the strongest by EAP-IG."""
    scores = {
        run.label: discover(model, task, run.method, metric="logit-diff", **run.options).values
        for run in method_runs(model.graph.n_edges)
        if run.scores_all_edges
    }
    edges = np.argwhere(model.graph.mask)
    drawn = edges[np.random.default_rng(0).choice(len(edges), N_RANDOM_EDGES, replace=False)]
    strength = np.abs(scores["EAP-IG, 50 steps"][tuple(edges.T)])
    strongest = edges[np.argsort(-strength)[:N_STRONGEST_EDGES]]
    begun_s = process_time()
    both = {tuple(map(int, edge)) for edge in (*drawn, *strongest)}
    exact = run_to_completion(
        measure_edge_effects(make_setting(model, task, "logit-diff"), sorted(both))
    ).values
    seconds = process_time() - begun_s

    def correlations(edges: NDArray[np.int64]) -> dict[str, float]:
        at = tuple(edges.T)
        return {method: float(np.corrcoef(values[at], exact[at])[0, 1]) for method, values in scores.items()}

    return {
        "random": correlations(drawn),
        "strongest": correlations(strongest),
        "seconds_per_edge": seconds / len(both),
    }


def _print_areas(model: Model, tasks: Sequence[str], rows: Sequence[str], results: Results) -> None:
    """CPR, CMD and clipped CPR of each method and task; time and memory are of the slowest search."""
    name = Path(model.name).name
    print(f"\n{name}: CPR / CMD / clipped CPR; processor seconds; GB\n")
    _print_head(["method", *(f"`{task}`" for task in tasks), "s", "GB"])
    for label in rows:
        found = [results.values[f"{name} / {task} / {label}"] for task in tasks]
        cells = [_format_areas(one) for one in found]
        for cost, form in (("seconds", ".3g"), ("peak_gb", ".1f")):
            values = [one[cost] for one in found if cost in one]
            cells.append(format(max(values), form) if values else "")
        print(f"| {label} | " + " | ".join(cells) + " |")


def _format_areas(found: dict[str, Any]) -> str:
    if "circuit" in found:
        return f"{found['circuit']['edges']:,} edges: faithfulness {_format_point(found['circuit'])}"
    if "areas" not in found:
        return "not for this task" if "error" in found else "–"
    areas = found["areas"]
    return " / ".join(f"{areas[name][0]:.3f}" for name in AREAS)


def _print_faithfulness(model: Model, task: str, rows: Sequence[str], results: Results) -> None:
    """Faithfulness of circuits of several sizes, and the areas, with 95 % intervals."""
    n_edges, where = model.graph.n_edges, f"{Path(model.name).name} / {task}"
    print(f"\n{where}\n")
    sizes = (f"{share:.1%} ({int(share * n_edges):,})".replace(".0%", " %") for share in SHOWN_SHARES)
    _print_head(["method", *sizes, "CPR", "CMD"])
    for label in rows:
        found = results.values[f"{where} / {label}"]
        if "circuit" in found:
            continue
        by_share = {point["share"]: point for point in found.get("curve", ())}
        cells = [_format_point(by_share.get(share)) for share in SHOWN_SHARES]
        cells += [_format_area(found.get("areas", {}).get(name)) for name in ("cpr", "cmd")]
        print(f"| {label} | " + " | ".join(cells) + " |")


def _format_area(area: list[float] | None) -> str:
    return "–" if area is None else f"{area[0]:.3f} [{area[1]:.3f}, {area[2]:.3f}]"


def _format_point(point: dict[str, Any] | None) -> str:
    return "–" if point is None else f"{point['value']:.2f} [{point['low']:.2f}, {point['high']:.2f}]"


def _print_correlations(tasks: Sequence[str], prompts: int, results: Results) -> None:
    found = [
        value
        for task in tasks
        for name, value in results.values.items()
        if name.endswith(f" / {task} / correlations, {prompts} prompts")
    ]
    print()
    _print_head(["scores", *(f"`{task}`, {kind}" for task in tasks for kind in ("drawn", "strongest"))])
    for method in found[0]["random"]:
        cells = [f"{one[kind][method]:.3f}" for one in found for kind in ("random", "strongest")]
        print(f"| {method} | " + " | ".join(cells) + " |")
    print(
        "\nexact patching, processor seconds an edge:", *(f"{one['seconds_per_edge']:.2f}" for one in found)
    )


def _print_known_circuits(results: Results, prompts: int = 32) -> None:
    """AUROC and average precision of each method in its default setting against the true edges."""
    heads, columns = [], []
    for name in KNOWN_MODELS:
        model = load_model(name)
        task = load_task(name, model, prompts=prompts)
        for ablation in KNOWN_ABLATIONS:
            path = Path(str(resource_path("known", name))) / f"{name}-{ablation}.reference.json"
            truth = import_document(path).state.circuit
            assert truth is not None
            heads.append(f"{name}, {ablation} ({truth.n_edges} of {int(truth.graph.mask.sum())})")

            def compare(
                model=model, task=task, truth=truth, ablation=ablation
            ) -> dict[str, dict[str, float]]:
                rows = compare_methods_steps(model, task, truth, methods.names(), ablation=ablation)
                names = ("auroc", "average_precision")
                return {
                    row.method: {name: row.overlap.get(name) for name in names}
                    for row in run_to_completion(rows)
                }

            columns.append(results.get(f"{name} / {ablation} / true edges", compare))
    _print_head(["method", *heads])
    for method in methods.names():
        cells = [_format_overlap(column.get(method, {})) for column in columns]
        print(f"| `{method}` | " + " | ".join(cells) + " |")


def _format_overlap(overlap: dict[str, float]) -> str:
    auroc, precision = overlap.get("auroc"), overlap.get("average_precision")
    return "–" if auroc is None else f"{auroc:.3f} / {precision:.3f}"


def _print_head(heads: Sequence[str]) -> None:
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))


def _reset_peak_memory() -> None:
    """Let Linux count this process's peak memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_gb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


if __name__ == "__main__":
    main()
