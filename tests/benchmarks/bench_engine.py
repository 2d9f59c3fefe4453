"""Speed against the floor of the work, in one run: ``python tests/benchmarks/bench_engine.py``.

Two models: GPT-2 small's shape with random weights, and the demo model; 1, 16 and 64 prompts of 15
tokens that differ from the seventh token on. A floor is the plain passes that a work cannot avoid:
EAP two forwards and a backward, AtP* the same, EAP-IG with m steps two forwards and m forward-backwards, a
step of learned ranking one forward-backward, an evaluation or a toggle one forward, exact patching one
forward for every edge. Each work and its floor take turns; medians are shown.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import torch

from circuitviz.discovery import discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.models import Model, PatchedRun, from_hugging_face, load_model, record_activations
from circuitviz.models.buffers import BufferPool
from circuitviz.models.weighted_run import WeightedRun
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import PromptPair, Task, load_task
from circuitviz.tasks.word_lists import OBJECTS, PLACES

STEPS = 5
TAU = 0.01


@dataclass(frozen=True)
class Work:
    """Something to time, the floor that it takes turns with, and how many floors it stands for."""

    name: str
    run: Callable[[], Any]
    floor: Callable[[], Any]
    floor_name: str
    times: int = 1


def main() -> None:
    """Measure and print a Markdown table for every model and number of prompts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["gpt2", "demo"], choices=["gpt2", "demo"])
    parser.add_argument("--prompts", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--corrupted-from", type=int, default=6, help="first token that differs")
    parser.add_argument("--acdc", action="store_true", help="also time ACDC on the demo model's IOI")
    given = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, medians of {given.repeat}")
    for name in given.models:
        model = load_model("demo") if name == "demo" else _gpt2_small()
        for prompts in given.prompts:
            print(f"\n{name}, {prompts} prompts of 15 tokens; {_memory():.2f} GB so far")
            print("| work | seconds | floor | times its floor |\n| --- | --- | --- | --- |")
            for work in _works(model, _task(model, prompts, given.corrupted_from)):
                _row(work, given.repeat)
            print(f"peak memory {_memory():.2f} GB")
    if given.acdc:
        model = load_model("demo")
        task = load_task("ioi", model, prompts=64)
        print("\nACDC, demo, ioi, 64 prompts\n| work | seconds | floor | times its floor |")
        print("| --- | --- | --- | --- |")
        edges = int(model.graph.mask.sum())
        for tau in (TAU, TAU / 10):

            def acdc(tau: float = tau) -> object:
                return discover(model, task, "acdc", tau=tau)

            forward = _forward(model, task)
            _row(Work(f"ACDC, τ = {tau}", acdc, forward, f"{edges} forwards", edges), 3)


def _row(work: Work, repeat: int) -> None:
    work.run(), work.floor()
    ours, floors = [], []
    for _ in range(repeat):
        for kept, run in ((ours, work.run), (floors, work.floor)):
            began = time.perf_counter()
            run()
            kept.append(time.perf_counter() - began)
    seconds, floor = statistics.median(ours), statistics.median(floors) * work.times
    print(
        f"| {work.name} | {seconds:.3f} | {work.floor_name}, {floor:.3f} s | {seconds / floor:.2f} |",
        flush=True,
    )


def _works(model: Model, task: Task) -> Iterator[Work]:
    forward, both = _forward(model, task), _forward_backward(model, task)

    def eap_floor() -> None:
        forward()
        both()

    def integrated_floor() -> None:
        forward()
        forward()
        for _ in range(STEPS):
            both()

    yield Work("EAP", lambda: discover(model, task, "eap"), eap_floor, "2 forwards, 1 backward")
    yield Work(
        f"EAP-IG, {STEPS} steps",
        lambda: discover(model, task, "eap-ig", steps=STEPS),
        integrated_floor,
        f"2 forwards, {STEPS} forward-backwards",
    )
    yield Work("AtP*", lambda: discover(model, task, "atp-star"), eap_floor, "2 forwards, 1 backward")
    yield Work("masked pass of learned ranking", _weighted_pass(model, task), both, "1 forward-backward")
    scores, at = discover(model, task, "eap"), task.lengths - 1
    run = PatchedRun(model, task.clean, at, record_activations(model, task.corrupted, at))
    graph = model.graph
    for share in (0.015, 0.15, 0.6):
        circuit = scores.greedy(round(share * graph.mask.sum())).edges

        def evaluate(circuit: Any = circuit) -> None:
            run._edges = None  # no restart: the whole circuit
            run.logits(circuit)

        yield Work(f"evaluation of {circuit.sum()} edges", evaluate, forward, "1 forward")
    layer = 2 * model.shape.n_layers // 3
    column = graph.receiver_index[f"a{layer}.h0<q>"]
    circuit = scores.greedy(round(0.15 * graph.mask.sum())).edges
    other = circuit.copy()
    other[:, column] ^= graph.mask[:, column]
    turn = [circuit, other]

    def toggle() -> None:
        run.logits(turn[0])
        turn.reverse()

    yield Work(f"toggle in layer {layer} of {model.shape.n_layers}", toggle, forward, "1 forward")
    where = make_setting(model, task)
    edges = [(int(s), column) for s in np.flatnonzero(graph.mask[:, column])]
    yield Work(
        f"exact, {len(edges)} edges of a{layer}.h0<q>",
        lambda: run_to_completion(measure_edge_effects(where, edges)),
        forward,
        f"{len(edges)} forwards",
        len(edges),
    )


def _gpt2_small() -> Model:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    hf = GPT2LMHeadModel(GPT2Config(attn_implementation="eager"))
    return from_hugging_face(hf, AutoTokenizer.from_pretrained(resource_path("demo", "model")), "gpt2")


def _task(model: Model, prompts: int, first: int) -> Task:
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(prompts):
        words = [f" {word}" for word in random.choice([*OBJECTS, *PLACES], 15)]
        other = [*words[:first], " red", *words[first + 1 :]]
        pairs.append(PromptPair("".join(words), "".join(other), (" blue",), (" green",)))
    return Task.from_pairs("random words", pairs, model.tokens, bos=False)


def _forward(model: Model, task: Task) -> Callable[[], torch.Tensor]:
    def forward() -> torch.Tensor:
        with torch.no_grad():
            return model.logits(task.clean, task.lengths - 1)

    return forward


def _forward_backward(model: Model, task: Task) -> Callable[[], None]:
    where = make_setting(model, task, "logit-diff")

    def run() -> None:
        kept: list[torch.Tensor] = []

        def start(embed: torch.Tensor) -> torch.Tensor:
            kept.append(embed.detach().requires_grad_())
            return kept[0]

        with torch.enable_grad(), model.hooks({"embed.hook_out": start}):
            where.compute_metric(model.logits(task.clean, task.lengths - 1), task).sum().backward()

    return run


def _weighted_pass(model: Model, task: Task) -> Callable[[], None]:
    at = task.lengths - 1
    ablated = record_activations(model, task.corrupted, at)
    ablated.first_changed_position = task.first_changed_position
    run = WeightedRun(model, task.clean, at, ablated, BufferPool())
    weights = torch.rand(model.graph.mask.shape, requires_grad=True)
    where = make_setting(model, task, "logit-diff")

    def weighted_pass() -> None:
        value = where.compute_metric(run.logits(weights), task).sum()
        torch.autograd.grad(value, weights)

    return weighted_pass


def _memory() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
