"""Every role's score of every head: a measure like others, but asked for apart, so that none waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.workbench.requests.compute_measure import ComputeMeasure


@dataclass(frozen=True)
class ScoreRoles(ComputeMeasure):
    """Take the measure ``roles``; the reply is Judged."""

    title = "Could not score the roles"
