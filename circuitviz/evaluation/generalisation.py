"""Generalisation: a circuit found on some prompts, judged on prompts that the search has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from circuitviz.discovery import discover_steps, make_setting, methods
from circuitviz.errors import InputError
from circuitviz.evaluation.faithfulness import compute_faithfulness
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.prompt_splits import SPLITS, Halves
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.evaluation.stability import edge_iou
from circuitviz.graph import Circuit, Evaluation, Interval, Scores
from circuitviz.models import OPTIMAL_ABLATION
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps


@dataclass(frozen=True)
class GeneralisationOptions:
    """Which divisions of the prompts are tried."""

    splits: str = option(
        "all",
        "how prompts are divided: into random halves, by template, by answers, or by length",
        choices=("all", *SPLITS),
    )
    seed: int = option(0, "seed of the divisions", low=0)


@dataclass(frozen=True)
class SplitResult:
    """One division of the prompts, searched and judged in both directions.

    Attributes:
        split: Name of the division, of ``SPLITS``.
        difference: What the prompts that judge have that the others have not, in words.
        prompts: Number of prompts of the two parts.
        in_sample: Faithfulness on the prompts of the search, of both circuits together.
        held_out: Faithfulness on the other prompts.
        iou: Overlap of the two circuits.
        inapplicable_reason: Why the prompts cannot be divided so; empty where they can.
    """

    split: str
    difference: str
    prompts: tuple[int, int] = (0, 0)
    in_sample: Interval = field(default_factory=lambda: Interval(None))
    held_out: Interval = field(default_factory=lambda: Interval(None))
    iou: float | None = None
    inapplicable_reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the division as files and the command line hold it."""
        data: dict[str, Any] = {
            "split": self.split,
            "difference": self.difference,
            "prompts": list(self.prompts),
            "in_sample": asdict(self.in_sample),
            "held_out": asdict(self.held_out),
            "iou": self.iou,
        }
        return data | ({"why": self.inapplicable_reason} if self.inapplicable_reason else {})


@dataclass(frozen=True)
class Generalisation:
    """The divisions that were tried."""

    edges: int
    splits: list[SplitResult] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        return {"edges": self.edges, "splits": [split.as_dict() for split in self.splits]}


def require_searchable_prompts(measure_input: MeasureInput, _options: GeneralisationOptions) -> Scores:
    """The scores whose method is repeated; InputError where nothing can be divided."""
    scores = measure_input.require_scores("method to repeat")
    methods.get(scores.method)
    n_prompts = len(measure_input.bench.setting.task)
    if n_prompts < 4:
        raise InputError(
            f"Generalisation was asked for on a task of {n_prompts} prompts; each part needs 2, so 4 "
            "or more are needed, and 32 or more would be right."
        )
    return scores


@measures.register(
    "generalisation",
    summary="Discovery on one part of the prompts, judged on the other: halves, templates, answers, lengths",
    options=GeneralisationOptions,
    check=require_searchable_prompts,
    count_runs=lambda measure_input, options: _count_split_runs(
        measure_input, len(SPLITS) if options.splits == "all" else 1
    ),
)
def measure_generalisation(
    measure_input: MeasureInput, options: GeneralisationOptions
) -> ProgressSteps[Generalisation]:
    """Repeat the circuit's own discovery on one part of the prompts and judge it on the other, both ways.

    Method, options, rule of choice and size are those of the circuit.
    """
    require_searchable_prompts(measure_input, options)
    task = measure_input.bench.setting.task
    names = list(SPLITS) if options.splits == "all" else [options.splits]
    found = Generalisation(measure_input.circuit.n_edges)
    for number, name in enumerate(names):
        difference, divide = SPLITS[name]
        halves = divide(task, options.seed)
        if halves is None or min(map(len, halves)) < 2:
            reason = "the prompts cannot be divided so, with at least 2 prompts on each side"
            split = SplitResult(name, difference, inapplicable_reason=reason)
        else:
            runner = ProgressRunner(_judge_split(measure_input, name, difference, halves))
            for step in runner:
                yield Progress(number + step.fraction, len(names), f"{difference}: {step.message}")
            split = runner.result
        found = Generalisation(found.edges, [*found.splits, split])
        yield Progress(number + 1, len(names), difference, found)
    return found


def _count_split_runs(measure_input: MeasureInput, n_splits: int) -> MeasureRuns:
    """Both parts are searched, and both judge two circuits besides the full and the ablated model."""
    is_learned = measure_input.bench.setting.ablation == OPTIMAL_ABLATION
    return MeasureRuns(4 * n_splits, n_splits, 2 * n_splits if is_learned else 0)


def _judge_split(
    measure_input: MeasureInput, name: str, difference: str, halves: Halves
) -> ProgressSteps[SplitResult]:
    setting, scores = measure_input.bench.setting, measure_input.require_scores("method to repeat")
    requested = measure_input.requested_amount
    amount = measure_input.circuit.n_edges if requested is None else requested
    parts = [
        make_setting(setting.model, setting.task.split_off(rows), setting.metric, setting.ablation)
        for rows in halves
    ]
    benches = [measure_input.bench.with_setting(part) for part in parts]
    circuits: list[Circuit] = []
    in_sample: list[Evaluation] = []
    held_out: list[Evaluation] = []
    for number, part in enumerate(parts):
        search = ProgressRunner(
            discover_steps(
                setting.model,
                part.task,
                scores.method,
                setting.metric,
                setting.ablation,
                setting.spans or False,
                **scores.options,
            )
        )
        for step in search:
            yield Progress(number + 0.8 * step.fraction, 2, step.message)
        circuits.append(search.result.select(measure_input.select, amount))
        in_sample.append((yield from benches[number].evaluate(circuits[-1])))
        held_out.append((yield from benches[1 - number].evaluate(circuits[-1])))
    seed = setting.task.seed
    return SplitResult(
        name,
        difference,
        (len(halves[0]), len(halves[1])),
        _join(in_sample, seed),
        _join(held_out, seed),
        edge_iou(circuits[0].edges, circuits[1].edges),
    )


def _join(evaluations: list[Evaluation], seed: int) -> Interval:
    """Faithfulness of all prompts of several evaluations together, each on its own circuit."""
    rows = [
        [evaluation.per_prompt[key] for evaluation in evaluations] for key in ("circuit", "model", "ablated")
    ]
    return bootstrap_interval(tuple(np.concatenate(row) for row in rows), compute_faithfulness, seed)
