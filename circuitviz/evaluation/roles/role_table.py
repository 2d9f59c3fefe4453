"""Scores of all heads in every role test, so that a head's score can be ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.evaluation.roles.registry import RoleTestContext, head_names, role_tests
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps


@dataclass(frozen=True)
class RoleTable:
    """Mean scores by role test and head.

    Attributes:
        weights: Hash of the model's weights.
        task: Hash of the prompts.
        seed: Seed of the random tokens.
        name_movers: The heads that counted as name movers.
        scores: Role test → head → mean score, None where it is undefined.
        untestable: Role test → why it cannot be run on this task.
    """

    weights: str
    task: str
    seed: int
    name_movers: tuple[str, ...] = ()
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    untestable: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the table as files and the command line hold it."""
        return {
            "weights": self.weights,
            "task": self.task,
            "seed": self.seed,
            "movers": list(self.name_movers),
            "roles": {
                name: {"role": role_tests.get(name).extra["role"], "unit": role_tests.get(name).extra["unit"],
                       "summary": role_tests.get(name).summary, "scores": dict(values)}
                for name, values in self.scores.items()
            },
            "missing": dict(self.untestable),
        }  # fmt: skip


def role_table_steps(context: RoleTestContext) -> ProgressSteps[RoleTable]:
    """Run every role test; partial results are tables of the roles done so far."""
    names, entries = head_names(context.model), role_tests.entries()
    scores: dict[str, Mapping[str, float | None]] = {}
    untestable: dict[str, str] = {}

    def table() -> RoleTable:
        # the cached property is not computed here: no test may have needed it
        name_movers = context.__dict__.get("name_movers", context.labelled_name_movers)
        return RoleTable(
            context.model.weight_hash,
            context.task.hash,
            context.seed,
            name_movers,
            dict(scores),
            dict(untestable),
        )

    for number, entry in enumerate(entries):
        try:
            steps = ProgressRunner(entry.value(context))
            for step in steps:
                yield Progress(number + step.fraction, len(entries), entry.extra["role"])
        except InputError as error:
            untestable[entry.name] = str(error)
            continue
        means = [float(np.nanmean(row)) if np.isfinite(row).any() else None for row in steps.result]
        scores[entry.name] = dict(zip(names, means, strict=True))
        yield Progress(number + 1, len(entries), entry.extra["role"], table())
    return table()


def head_percentile(scores: Mapping[str, float | None], head: str) -> float | None:
    """Return the share of other heads with a lower score, in percent; equal scores count half.

    >>> head_percentile({"a0.h0": 0.1, "a0.h1": 0.9, "a0.h2": 0.5, "a0.h3": None}, "a0.h1")
    100.0
    """
    own_score = scores.get(head)
    other_scores = [v for name, v in scores.items() if v is not None and name != head]
    if own_score is None or not other_scores:
        return None
    n_below = sum(v < own_score for v in other_scores) + 0.5 * sum(v == own_score for v in other_scores)
    return 100.0 * n_below / len(other_scores)
