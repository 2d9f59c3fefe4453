"""Every job that the window can ask for, with arguments as it would give them, on the demo model.

A job is found by its class in the package; one without an entry here fails the tests, so that none is forgotten.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from circuitviz.document import Evidence, EvidenceContext, State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import Intervention, SteeringQuery
from circuitviz.plots import HeatMapPlot
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.resources import resource_path
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.attach_model import AttachModel
from circuitviz.workbench.requests.check_claims import CheckClaims, LabelClaim
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.collect_traces import INDEXED_TEXT, CollectTraces
from circuitviz.workbench.requests.compare_methods import CompareMethods
from circuitviz.workbench.requests.compute_measure import ComputeMeasure
from circuitviz.workbench.requests.compute_reading import ComputeReading
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import (
    DiscoverPromptCircuit,
    MoveThreshold,
    OpenPromptDocumentModel,
    PromptSearchResult,
    ReadFractionCurve,
)
from circuitviz.workbench.requests.estimate_search import EstimateSearch
from circuitviz.workbench.requests.evaluate_on_other_model import EvaluateOnOtherModel
from circuitviz.workbench.requests.expand_template import ExpandTemplate
from circuitviz.workbench.requests.explain_change import ExplainChange
from circuitviz.workbench.requests.feature_dashboards import OpenDictionaries, ReadFeatureDashboard
from circuitviz.workbench.requests.import_explanations import ImportExplanations
from circuitviz.workbench.requests.inspect_prompts import (
    CheckPrompts,
    InspectPrompts,
    OpenPromptsModel,
    PromptsModel,
)
from circuitviz.workbench.requests.load_catalog import LoadCatalog
from circuitviz.workbench.requests.load_references import LoadReferences
from circuitviz.workbench.requests.measure_card import EstimateCard, MeasureCard
from circuitviz.workbench.requests.measure_curve import MeasureCurve
from circuitviz.workbench.requests.measure_faithfulness import MeasureFaithfulness
from circuitviz.workbench.requests.measure_prompt_faithfulness import MeasurePromptFaithfulness
from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.open_document_model import OpenDocumentModel
from circuitviz.workbench.requests.propose_groups import ProposeGroups
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_attention import ReadAttention
from circuitviz.workbench.requests.read_direct_effects import ReadDirectEffects
from circuitviz.workbench.requests.read_edge import ReadEdge
from circuitviz.workbench.requests.read_feature_heads import ReadAttentionScore, ReadHeadChannels
from circuitviz.workbench.requests.read_feature_tokens import ReadFeatureTokens
from circuitviz.workbench.requests.read_logit_lens import ReadLogitLens
from circuitviz.workbench.requests.read_ov_qk import ReadHead
from circuitviz.workbench.requests.read_patching_map import ReadPatchingMap
from circuitviz.workbench.requests.read_prompt_node import ReadPromptNode
from circuitviz.workbench.requests.read_task_node import ReadTaskNode
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows
from circuitviz.workbench.requests.read_top_tokens import ReadTopTokens
from circuitviz.workbench.requests.score_roles import ScoreRoles
from circuitviz.workbench.requests.steer_model import SteerModel
from circuitviz.workbench.requests.switch_basis import SwitchBasis
from circuitviz.workbench.requests.torch_threads import SetTorchThreads
from circuitviz.workbench.requests.train_dictionary import TrainDictionary

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
ASKED = AttributionQuery("demo", PROMPT, "a2.f719@16", nodes=60)
OWN_MODEL = PromptsModel("demo", "cpu", "auto")
OWN_ROWS = tuple(
    PromptRow(f"So Mary said {'that ' * n}that", f"So John said {'that ' * n}that", " she", " he")
    for n in range(24)
)
SEARCH = DiscoverCircuit("demo", "ioi", None, 24, 3, "eap-ig", {}, "", "corrupted", "greedy", 200)


def job_classes() -> list[type[Request]]:
    """Every request that can be answered: those of the packages where all of them are defined."""
    packages = ("circuitviz.jobs", "circuitviz.workbench.requests")
    for package in packages:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")

    def below(of: type[Request]) -> Iterator[type[Request]]:
        for one in of.__subclasses__():
            if one.__module__.startswith(tuple(f"{p}." for p in packages)):  # not those that tests make
                yield one
                yield from below(one)
            elif one.__module__.startswith("circuitviz."):  # by another name, for a slot of its own
                own = {"execute", "compute_steps"} & vars(one).keys()
                assert not own, f"{one.__name__} is a job outside of {packages}"

    return [one for one in dict.fromkeys(below(Request)) if one is not Query]


@dataclass(frozen=True)
class Opened:
    """What was found once, for jobs about it: a circuit of heads, and one of features (True), with their engines."""

    found: SearchResult
    answered: PromptSearchResult
    folder: Path
    engines: dict[bool, Engine]

    def engine(self, of: type[Request]) -> Engine:
        """An engine on which a job of this class finds what it needs: its own document's model is open."""
        return Engine() if of in NOTHING_OPEN else self.engines[of in OF_FEATURES]


def open_both(folder: Path) -> Opened:
    """Make what the jobs are about."""
    heads, features = Engine(), Engine()
    *_, found = heads.execute(SEARCH)
    *_, answered = features.execute(DiscoverPromptCircuit(ASKED))
    assert isinstance(found, SearchResult) and isinstance(answered, PromptSearchResult)
    return Opened(found, answered, folder, {False: heads, True: features})


NOTHING_OPEN = (
    DiscoverCircuit,
    OpenDocumentModel,
    AttachModel,
    OpenPromptDocumentModel,
    DiscoverPromptCircuit,
    LoadCatalog,
    LoadReferences,
    OpenPromptsModel,
)
OF_FEATURES = (
    ReadFractionCurve,
    MoveThreshold,
    ReadHeadChannels,
    ReadAttentionScore,
    ReadPromptNode,
    MeasurePromptFaithfulness,
    ProposeGroups,
    ReadFeatureDashboard,
)


def _trial(o: Opened) -> PromptEvaluationRequest:
    trial = PromptEvaluationRequest.from_state(
        State(o.answered.origin, o.answered.scores, o.answered.circuit)
    )
    assert trial is not None
    return trial


def _judge(kind: Any, measure: str, o: Opened) -> Any:
    one = o.found
    return kind(measure, {}, "key", one.circuit, one.scores, requirements=one.origin.requirements)


def _claims(o: Opened) -> CheckClaims:
    tests = ("answer", {}), ("attention", {}), ("role", {"role": "previous-token"})
    claims = (
        LabelClaim("a2.h6", Evidence("it does", test, given), ("a2.h6",), (), EvidenceContext())
        for test, given in tests
    )
    return CheckClaims(tuple(claims), (), o.found.origin)


def _train(o: Opened) -> TrainDictionary:
    from circuitviz.training import DictionaryRecipe

    return TrainDictionary(
        "m1", None, o.folder / "trained", DictionaryRecipe(features=256, steps=400, batch=1024)
    )


def _document(o: Opened) -> Callable[[], Any]:
    """Reads a file of the circuit."""
    from circuitviz.document import Document
    from circuitviz.formats import open_document, save_document

    path = o.folder / "a.circuit"
    if not path.exists():
        save_document(Document(State(o.found.origin, o.found.scores, o.found.circuit)), path)
    return partial(open_document, path)


def _explanations(o: Opened) -> ImportExplanations:
    path = o.folder / "explanations.jsonl"
    if not path.exists():
        rows = (f'{{"site": "m1", "index": {n}, "label": "feature number {n}"}}\n' for n in range(20_000))
        path.write_text("".join(rows))
    return ImportExplanations(path, "m", o.folder / "store.sqlite")


def _every_node(o: Opened) -> tuple[str, ...]:
    return tuple(name for name in o.found.circuit.node_names if name not in ("input", "logits"))


class ReadLensProbabilities(ComputeReading):
    """A reading that is registered only while it is looked up: windows of other tests have no page for it."""

    def compute_steps(self, engine: Engine) -> ProgressSteps[Any]:
        """The steps of the reading."""
        from circuitviz.lens.registry import readings

        readings.register(self.reading, summary="")(_lens_probabilities)
        try:
            return super().compute_steps(engine)
        finally:
            del readings._entries[self.reading]


def _lens_probabilities(reading_input: Any, options: Any) -> ProgressSteps[HeatMapPlot]:
    from circuitviz.lens import read_lens_grid

    yield Progress(0, 1, "reading")
    grid = read_lens_grid(reading_input.model, reading_input.task, "", reading_input.prompt)
    values = [[cell.top[0].probability for cell in row] for row in grid.cells]
    return HeatMapPlot(grid.rows, grid.tokens, values, "probability")


JOBS: dict[type[Request], Callable[[Opened], Request]] = {
    DiscoverCircuit: lambda o: SEARCH,
    EstimateSearch: lambda o: EstimateSearch(SEARCH),
    CheckInput: lambda o: CheckInput(DiscoverPromptCircuit(ASKED)),
    OpenDocumentModel: lambda o: OpenDocumentModel(o.found.origin, o.found.circuit),
    AttachModel: lambda o: AttachModel(SEARCH, State(None, o.found.scores, o.found.circuit), "imported.json"),
    OpenPromptDocumentModel: lambda o: OpenPromptDocumentModel(o.answered.origin, o.answered.circuit),
    DiscoverPromptCircuit: lambda o: DiscoverPromptCircuit(ASKED),
    MoveThreshold: lambda o: MoveThreshold(ASKED, 0.01),
    ReadFractionCurve: lambda o: ReadFractionCurve(ASKED),
    ReadHeadChannels: lambda o: ReadHeadChannels(ASKED, "a2.f719@16"),
    ReadAttentionScore: lambda o: ReadAttentionScore(ASKED, "a2.f719@16"),
    ReadPromptNode: lambda o: ReadPromptNode(ASKED, "a2.f719@16"),
    ReadFeatureDashboard: lambda o: ReadFeatureDashboard("a2", 719),
    MeasurePromptFaithfulness: lambda o: MeasurePromptFaithfulness(_trial(o), "key"),
    OpenDictionaries: lambda o: OpenDictionaries((), None, o.folder / "indexes"),
    CollectTraces: lambda o: CollectTraces("a2", 719, INDEXED_TEXT, None, max_examples=6),
    TrainDictionary: _train,
    ImportExplanations: _explanations,
    ReadAttention: lambda o: ReadAttention(2, 0),
    ReadDirectEffects: lambda o: ReadDirectEffects(None),
    ReadEdge: lambda o: ReadEdge(next(iter(o.found.circuit.edge_names)), 0),
    ReadHead: lambda o: ReadHead("a2.h6", 0),
    ComputeReading: lambda o: ReadLensProbabilities("lens-probabilities", "", 0),
    ReadLogitLens: lambda o: ReadLogitLens("", 0),
    ReadPatchingMap: lambda o: ReadPatchingMap(None),
    ReadTaskNode: lambda o: ReadTaskNode("a2.h6", 0),
    ReadFeatureTokens: lambda o: ReadFeatureTokens(ASKED, tuple(o.answered.circuit.graph.nodes)),
    ProposeGroups: lambda o: ProposeGroups(
        State(o.answered.origin, o.answered.scores, o.answered.circuit), 0.5
    ),
    SteerModel: lambda o: SteerModel(
        SteeringQuery("demo", PROMPT, {"a1.h2": Intervention("scale", 2.0)}, max_tokens=3)
    ),
    ReadTopTokens: lambda o: ReadTopTokens(_every_node(o)),
    MeasureFaithfulness: lambda o: MeasureFaithfulness(
        o.found.circuit, "key", requirements=o.found.origin.requirements
    ),
    MeasureCurve: lambda o: MeasureCurve(o.found.scores, "greedy", o.found.origin.requirements),
    ExplainChange: lambda o: ExplainChange(
        "key", o.found.circuit, o.found.scores.greedy(100), {}, requirements=o.found.origin.requirements
    ),
    ComputeMeasure: lambda o: _judge(ComputeMeasure, "minimality", o),
    EstimateCard: lambda o: EstimateCard((_judge(ComputeMeasure, "minimality", o),)),
    MeasureCard: lambda o: MeasureCard((_judge(ComputeMeasure, "minimality", o),)),
    ScoreRoles: lambda o: _judge(ScoreRoles, "roles", o),
    EvaluateOnOtherModel: lambda o: EvaluateOnOtherModel("demo", o.found.circuit, o.found.origin, "key"),
    CompareMethods: lambda o: CompareMethods("r", o.found.circuit, None, ("eap", "exact"), None, "corrupted"),
    SwitchBasis: lambda o: SwitchBasis(o.found.origin, ("m1",), 100, "Show features of m1"),
    CheckClaims: _claims,
    ExpandTemplate: lambda o: ExpandTemplate(
        OWN_MODEL, resource_path("tasks", "induction.toml").read_text(), 400
    ),
    ReadTaskRows: lambda o: ReadTaskRows(OWN_MODEL, "ioi"),
    InspectPrompts: lambda o: InspectPrompts(OWN_MODEL, OWN_ROWS),
    CheckPrompts: lambda o: CheckPrompts(OWN_MODEL, "own", OWN_ROWS),
    OpenPromptsModel: lambda o: OpenPromptsModel(OWN_MODEL),
    LoadReferences: lambda o: LoadReferences(),
    LoadCatalog: lambda o: LoadCatalog(),
    SetTorchThreads: lambda o: SetTorchThreads(1),
}
