"""CPR and CMD of every method on the demo model: ``python tests/benchmarks/demo_table.py``.

Prints the README's table: for every task that the demo model does, the area under the faithfulness curve at
MIB's ten sizes (CPR), that between it and 1 (CMD), and the processor seconds of the search.
"""

from __future__ import annotations

import argparse
import time

from circuitviz.discovery import discover, make_setting, methods
from circuitviz.evaluation import FaithfulnessBench
from circuitviz.evaluation.curve import curve_areas, measure_curve_steps
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import load_task

TASKS = ("ioi", "greater-than", "sva", "gender", "induction")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", default=methods.names(), help="name, or name:option=value,…")
    given = parser.parse_args()
    model = load_model("demo")
    tasks = [load_task(name, model, prompts=given.prompts, seed=given.seed) for name in TASKS]
    benches = [FaithfulnessBench(make_setting(model, task)) for task in tasks]
    print("| method | " + " | ".join(TASKS) + " | s |\n| --- |" + " --- |" * (len(TASKS) + 1))
    for text in given.methods:
        name, _, option_text = text.partition(":")
        options = dict(part.split("=") for part in option_text.split(";") if part)
        cells, seconds = [], 0.0
        for task, bench in zip(tasks, benches, strict=True):
            begun = time.process_time()
            scores = discover(model, task, name, **options)
            seconds += time.process_time() - begun
            points = run_to_completion(measure_curve_steps(bench, scores))
            areas = curve_areas(points, seed=given.seed)
            cells.append(f"{areas['cpr'].value:.3f} / {areas['cmd'].value:.3f}")
        print(f"| `{text}` | " + " | ".join(cells) + f" | {seconds / len(TASKS):.1f} |", flush=True)


if __name__ == "__main__":
    main()
