"""How well each method finds the circuits that are known: ``python tests/benchmarks/truth_table.py``.

Prints the README's table: for every model and kind of ablation, AUROC and average precision of each
method's scores against the true edges, the method in its default setting.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz.discovery import methods
from circuitviz.evaluation import compare_methods_steps
from circuitviz.formats import import_document
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import load_task

MODELS = ("reverse", "x-proportion", "backup")
ABLATIONS = ("corrupted", "zero")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = methods.names()
    cells: dict[str, list[str]] = {name: [] for name in names}
    heads = []
    for name in MODELS:
        model = load_model(name)
        task = load_task(name, model, prompts=given.prompts, seed=given.seed)
        for ablation in ABLATIONS:
            path = Path(str(resource_path("known", name))) / f"{name}-{ablation}.reference.json"
            truth = import_document(path).state.circuit
            assert truth is not None
            heads.append(f"{name}, {ablation} ({truth.n_edges} of {int(truth.graph.mask.sum())})")
            for row in run_to_completion(compare_methods_steps(model, task, truth, names, ablation=ablation)):
                auroc, precision = (row.overlap.get(k) for k in ("auroc", "average_precision"))
                cells[row.method].append("–" if auroc is None else f"{auroc:.3f} / {precision:.3f}")
    print("| method | " + " | ".join(heads) + " |\n| --- |" + " --- |" * len(heads))
    for name, values in cells.items():
        print(f"| `{name}` | " + " | ".join(values) + " |")


if __name__ == "__main__":
    main()
