"""Long work, off the window's thread; a job is one file: its request, its replies, its answer."""

from circuitviz.jobs.adopt import Adopt, Needed
from circuitviz.jobs.attention import AttentionOf
from circuitviz.jobs.catalog import Catalog, Choices
from circuitviz.jobs.causal import MeasureTrial
from circuitviz.jobs.curve import Curve, Points
from circuitviz.jobs.effects import EffectsOf, EffectsSeen
from circuitviz.jobs.elsewhere import Elsewhere, EvaluateElsewhere
from circuitviz.jobs.explain import Explain, Explained
from circuitviz.jobs.find import Find, Found, SomeUnusable
from circuitviz.jobs.head import HeadOf
from circuitviz.jobs.judge import Judge, Judged
from circuitviz.jobs.lens import LensOf, LensSeen
from circuitviz.jobs.look import Look, Seen
from circuitviz.jobs.make import Made, Make
from circuitviz.jobs.measure import Measure, Measured
from circuitviz.jobs.messages import Failed, Idle, Moved, Ready, Reply, Request
from circuitviz.jobs.open_file import OpenBeside, Opened, OpenFile
from circuitviz.jobs.patching import PatchingOf, PatchingSeen
from circuitviz.jobs.preload import Preload
from circuitviz.jobs.prompted import (
    AdoptQuestion,
    Answered,
    AskQuestion,
    FractionCurve,
    FractionPoint,
    MoveThreshold,
)
from circuitviz.jobs.rank import Rank, Ranked
from circuitviz.jobs.read import Read, Reading
from circuitviz.jobs.references import ReadReferences, References
from circuitviz.jobs.suggest import Suggest
from circuitviz.jobs.threads import UseThreads
from circuitviz.jobs.tops import ReadTops, TopTokens
from circuitviz.jobs.try_claims import Claim, Tried, TryClaims
from circuitviz.jobs.worker import Worker

__all__ = [
    "Adopt",
    "AdoptQuestion",
    "Answered",
    "AskQuestion",
    "AttentionOf",
    "Catalog",
    "Choices",
    "Claim",
    "Curve",
    "EffectsOf",
    "EffectsSeen",
    "Elsewhere",
    "EvaluateElsewhere",
    "Explain",
    "Explained",
    "Failed",
    "Find",
    "Found",
    "FractionCurve",
    "FractionPoint",
    "HeadOf",
    "Idle",
    "Judge",
    "Judged",
    "LensOf",
    "LensSeen",
    "Look",
    "Made",
    "Make",
    "Measure",
    "MeasureTrial",
    "Measured",
    "MoveThreshold",
    "Needed",
    "Moved",
    "OpenBeside",
    "OpenFile",
    "Opened",
    "PatchingOf",
    "PatchingSeen",
    "Points",
    "Preload",
    "Rank",
    "Ranked",
    "Read",
    "ReadTops",
    "Reading",
    "ReadReferences",
    "Ready",
    "References",
    "Reply",
    "Request",
    "Seen",
    "SomeUnusable",
    "TopTokens",
    "UseThreads",
    "Suggest",
    "Tried",
    "TryClaims",
    "Worker",
]
