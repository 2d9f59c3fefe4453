"""Long work, off the window's thread; a job is one file: its request, its replies, its answer."""

from circuitviz.jobs.adopt import Adopt
from circuitviz.jobs.catalog import Catalog, Choices
from circuitviz.jobs.curve import Curve, Points
from circuitviz.jobs.elsewhere import Elsewhere, EvaluateElsewhere
from circuitviz.jobs.find import Find, Found
from circuitviz.jobs.judge import Judge, Judged
from circuitviz.jobs.measure import Measure, Measured
from circuitviz.jobs.messages import Failed, Idle, Moved, Ready, Reply, Request
from circuitviz.jobs.rank import Rank, Ranked
from circuitviz.jobs.read import Read, Reading
from circuitviz.jobs.threads import UseThreads
from circuitviz.jobs.worker import Worker

__all__ = [
    "Adopt",
    "Catalog",
    "Choices",
    "Curve",
    "Elsewhere",
    "EvaluateElsewhere",
    "Failed",
    "Find",
    "Found",
    "Idle",
    "Judge",
    "Judged",
    "Measure",
    "Measured",
    "Moved",
    "Points",
    "Rank",
    "Ranked",
    "Read",
    "Reading",
    "Ready",
    "Reply",
    "Request",
    "UseThreads",
    "Worker",
]
