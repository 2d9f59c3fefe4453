"""Registry of role tests; each scores every head at once, because a score means little without its rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery import TaskSetting
from circuitviz.errors import InputError
from circuitviz.evaluation.roles.direct_attribution import direct_logit_attributions
from circuitviz.graph import NodeKind
from circuitviz.models import Model
from circuitviz.progress import ProgressSteps
from circuitviz.registry import Registry
from circuitviz.tasks import Task

HeadScores = NDArray[np.float64]
"""[heads, samples], heads as ``head_names`` lists them; NaN where a sample says nothing of a head."""

STAND_IN_NAME_MOVERS = 3  # number of heads used as name movers where none are labelled


def head_names(model: Model) -> list[str]:
    """Return the names of all heads, layer by layer."""
    return [node.name for node in model.graph.nodes if node.kind is NodeKind.HEAD]


@dataclass(eq=False)
class RoleTestContext:
    """A model on a task, with what several role tests share.

    Attributes:
        setting: Model, task, metric and ablation.
        labelled_name_movers: Heads that a person labelled as name movers. Without any, the heads with the
            largest direct effect on the answer stand in for them.
        seed: Seed of the random tokens that are repeated.
        length: How many random tokens are repeated.
        cache: What one test computed and another needs.
    """

    setting: TaskSetting
    labelled_name_movers: tuple[str, ...] = ()
    seed: int = 0
    length: int = 25
    cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def model(self) -> Model:
        """The model whose heads are scored."""
        return self.setting.model

    @property
    def task(self) -> Task:
        """The prompts that some roles are tested on."""
        return self.setting.task

    @cached_property
    def direct_attributions(self) -> HeadScores:
        """Each head's direct logit attribution to correct − incorrect, [heads, prompts]."""
        return direct_logit_attributions(self.model, self.task)

    @cached_property
    def name_movers(self) -> tuple[str, ...]:
        """Heads that count as name movers: those labelled, else those with the largest direct attribution."""
        names = head_names(self.model)
        if self.labelled_name_movers:
            unknown = [name for name in self.labelled_name_movers if name not in names]
            if unknown:
                raise InputError(f"'{unknown[0]}' is labelled as a name mover, but is no head of this model.")
            return self.labelled_name_movers
        order = np.argsort(-self.direct_attributions.mean(axis=1), kind="stable")
        return tuple(names[i] for i in order[:STAND_IN_NAME_MOVERS])


RoleTest = Callable[[RoleTestContext], ProgressSteps[HeadScores]]

role_tests: Registry[RoleTest] = Registry("role", "circuitviz.evaluation.roles", "circuitviz.roles")
"""Registered with ``role`` (the label that it speaks for), ``unit`` (what the score is, in words) and
``least`` (a mean score that is usually taken as having the role)."""
