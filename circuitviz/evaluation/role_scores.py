"""Measure of roles: every standard test of a role on every head of the model."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.evaluation.roles import RoleTable, RoleTestContext, role_table_steps
from circuitviz.options import option
from circuitviz.progress import ProgressSteps

NAME_MOVER_LABEL = "Name Mover"


@dataclass(frozen=True)
class RoleOptions:
    """The random tokens that some tests run on."""

    seed: int = option(0, "seed of the random tokens that are said twice", low=0)
    length: int = option(25, "how many of them, before they are said again", low=2, high=500)


@measures.register(
    "roles",
    summary="Every head's scores in the standard tests of roles: copying, induction, S-inhibition …",
    reference="Wang et al. 2022; Olsson et al. 2022",
    options=RoleOptions,
    opened=True,
)
def measure_role_scores(measure_input: MeasureInput, options: RoleOptions) -> ProgressSteps[RoleTable]:
    """Score all heads, in the circuit or not. Heads labelled 'Name Mover' count as name movers."""
    yield from measure_input.bench.prepare()  # raises where the metric is not a number
    labelled = tuple(n for n in measure_input.node_classes.get(NAME_MOVER_LABEL, ()) if ".h" in n)
    return (
        yield from role_table_steps(
            RoleTestContext(measure_input.bench.setting, labelled, options.seed, options.length)
        )
    )
