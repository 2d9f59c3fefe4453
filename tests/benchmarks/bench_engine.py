"""Speed against the floor of the work, in one run: ``python tests/benchmarks/bench_engine.py``.

A GPT-2-small-shaped model with random weights, 16 prompts of 15 tokens. The floor of EAP is two
plain forwards and one backward of the same batch; that of EAP-IG with m steps two forwards and m
forward-backwards; that of an evaluation one forward. Repetitions are interleaved; medians are shown.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import torch

from circuitviz.discovery import discover, setting
from circuitviz.models import Model, PatchedRun, from_hugging_face, record
from circuitviz.resources import resource
from circuitviz.tasks import Pair, Task
from circuitviz.tasks.words import OBJECTS, PLACES


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    model, task = _model_and_task(given.prompts)
    before = _memory()
    floor_eap, floor_ig = _floors(model, task, given.steps)
    run = _patched(model, task)
    sparse = discover(model, task, "eap").greedy(500).edges

    def evaluate() -> None:
        run._edges = None  # no restart: the whole circuit
        run.logits(sparse)

    works: dict[str, Callable[[], Any]] = {
        "forward": lambda: _forward(model, task),
        "EAP floor": floor_eap,
        "EAP": lambda: discover(model, task, "eap"),
        "EAP-IG floor": floor_ig,
        "EAP-IG": lambda: discover(model, task, "eap-ig", steps=given.steps),
        "evaluation of a circuit": evaluate,
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(given.repeat):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in times.items()}
    floors = {"EAP": "EAP floor", "EAP-IG": "EAP-IG floor", "evaluation of a circuit": "forward"}
    print(f"{given.prompts} prompts of {task.clean.shape[1]} tokens, {torch.get_num_threads()} threads")
    print("| work | seconds | times its floor |\n| --- | --- | --- |")
    for name, seconds in median.items():
        times_floor = f"{seconds / median[floors[name]]:.2f}" if name in floors else ""
        print(f"| {name} | {seconds:.2f} | {times_floor} |")
    print(f"peak memory {_memory():.2f} GB, of which {before:.2f} GB before the first run")


def _model_and_task(prompts: int) -> tuple[Model, Task]:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    hf = GPT2LMHeadModel(GPT2Config(attn_implementation="eager"))
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(resource("demo", "model")), "gpt2")
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(prompts):
        words = [f" {word}" for word in random.choice([*OBJECTS, *PLACES], 15)]
        other = [*words[:6], " red", *words[7:]]
        pairs.append(Pair("".join(words), "".join(other), (" blue",), (" green",)))
    return model, Task.from_pairs("random words", pairs, model.tokens, bos=False)


def _forward(model: Model, task: Task) -> torch.Tensor:
    with torch.no_grad():
        return model.logits(task.clean, task.lengths - 1)


def _floors(model: Model, task: Task, steps: int) -> tuple[Callable[[], None], Callable[[], None]]:
    where = setting(model, task, "logit-diff")

    def forward_backward() -> None:
        kept: list[torch.Tensor] = []

        def start(embed: torch.Tensor) -> torch.Tensor:
            kept.append(embed.detach().requires_grad_())
            return kept[0]

        with torch.enable_grad(), model.hooks({"embed.hook_out": start}):
            where.measure(model.logits(task.clean, task.lengths - 1), task).sum().backward()

    def eap() -> None:
        _forward(model, task)
        forward_backward()

    def integrated() -> None:
        _forward(model, task)
        _forward(model, task)
        for _ in range(steps):
            forward_backward()

    return eap, integrated


def _patched(model: Model, task: Task) -> PatchedRun:
    at = task.lengths - 1
    return PatchedRun(model, task.clean, at, record(model, task.corrupted, at))


def _memory() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
