"""Which role each head could have: every standard test of a role on every head of the model."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.evaluation.measures import Subject, measures
from circuitviz.evaluation.roles import Probe, RoleTable, table_steps
from circuitviz.options import option
from circuitviz.progress import Steps

MOVER = "Name Mover"


@dataclass(frozen=True)
class RoleOptions:
    """What the random tokens are."""

    seed: int = option(0, "seed of the random tokens that are said twice", low=0)
    length: int = option(25, "how many of them, before they are said again", low=2, high=500)


@measures.register(
    "roles",
    summary="Every head's scores in the standard tests of roles: copying, induction, S-inhibition …",
    reference="Wang et al. 2022; Olsson et al. 2022",
    options=RoleOptions,
    opened=True,
)
def role_scores(subject: Subject, options: RoleOptions) -> Steps[RoleTable]:
    """The model's own heads, in the circuit or not. Heads labelled 'Name Mover' count as name movers."""
    yield from subject.bench.prepare()  # a model whose metric is not a number is told so first
    named = tuple(n for n in subject.classes.get(MOVER, ()) if ".h" in n)
    return (yield from table_steps(Probe(subject.bench.setting, named, options.seed, options.length)))
