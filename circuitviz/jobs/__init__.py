"""Long work, off the window's thread; a job is one file: its request, its replies, its answer."""

from circuitviz.jobs.adopt import OpenDocumentModel, ConsentNeeded
from circuitviz.jobs.attention import ReadAttention
from circuitviz.jobs.catalog import LoadChoices, Choices
from circuitviz.jobs.causal import MeasurePromptFaithfulness
from circuitviz.jobs.curve import MeasureCurve, CurveMeasured
from circuitviz.jobs.effects import ReadDirectEffects, DirectEffects
from circuitviz.jobs.elsewhere import OtherModelEvaluated, EvaluateOnOtherModel
from circuitviz.jobs.explain import ExplainChange, ChangeExplained
from circuitviz.jobs.find import DiscoverCircuit, SearchResult, UnusableRowsFound
from circuitviz.jobs.head import ReadHead
from circuitviz.jobs.judge import ComputeMeasure, MeasureResult
from circuitviz.jobs.lens import ReadLogitLens, LogitLensReading
from circuitviz.jobs.look import Query, QueryResult
from circuitviz.jobs.make import TaskDone, RunTask
from circuitviz.jobs.measure import MeasureFaithfulness, FaithfulnessMeasured
from circuitviz.jobs.messages import JobFailed, WorkerIdle, ProgressReported, ModelReady, Reply, Request
from circuitviz.jobs.open_file import OpenComparisonFile, FileOpened, OpenFile
from circuitviz.jobs.patching import ReadPatchingMap, PatchingMap
from circuitviz.jobs.preload import Preload
from circuitviz.jobs.prompted import (
    OpenPromptDocumentModel,
    PromptSearchResult,
    DiscoverPromptCircuit,
    ReadFractionCurve,
    FractionPoint,
    MoveThreshold,
)
from circuitviz.jobs.rank import CompareMethods, MethodsCompared
from circuitviz.jobs.read import ReadTaskNode, TaskNodeRead
from circuitviz.jobs.references import LoadReferences, ReferencesLoaded
from circuitviz.jobs.suggest import ScoreRoles
from circuitviz.jobs.threads import SetTorchThreads
from circuitviz.jobs.tops import ReadTopTokens, TopTokensRead
from circuitviz.jobs.try_claims import LabelClaim, ClaimChecked, CheckClaims
from circuitviz.jobs.worker import Worker

__all__ = [
    "OpenDocumentModel",
    "OpenPromptDocumentModel",
    "PromptSearchResult",
    "DiscoverPromptCircuit",
    "ReadAttention",
    "LoadChoices",
    "Choices",
    "LabelClaim",
    "MeasureCurve",
    "ReadDirectEffects",
    "DirectEffects",
    "OtherModelEvaluated",
    "EvaluateOnOtherModel",
    "ExplainChange",
    "ChangeExplained",
    "JobFailed",
    "DiscoverCircuit",
    "SearchResult",
    "ReadFractionCurve",
    "FractionPoint",
    "ReadHead",
    "WorkerIdle",
    "ComputeMeasure",
    "MeasureResult",
    "ReadLogitLens",
    "LogitLensReading",
    "Query",
    "TaskDone",
    "RunTask",
    "MeasureFaithfulness",
    "MeasurePromptFaithfulness",
    "FaithfulnessMeasured",
    "MoveThreshold",
    "ConsentNeeded",
    "ProgressReported",
    "OpenComparisonFile",
    "OpenFile",
    "FileOpened",
    "ReadPatchingMap",
    "PatchingMap",
    "CurveMeasured",
    "Preload",
    "CompareMethods",
    "MethodsCompared",
    "ReadTaskNode",
    "ReadTopTokens",
    "TaskNodeRead",
    "LoadReferences",
    "ModelReady",
    "ReferencesLoaded",
    "Reply",
    "Request",
    "QueryResult",
    "UnusableRowsFound",
    "TopTokensRead",
    "SetTorchThreads",
    "ScoreRoles",
    "ClaimChecked",
    "CheckClaims",
    "Worker",
]
