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

import circuitviz.jobs
from circuitviz.jobs.adopt import Adopt
from circuitviz.jobs.attach import Attach
from circuitviz.jobs.attention import AttentionOf
from circuitviz.jobs.catalog import Catalog
from circuitviz.jobs.causal import MeasureTrial
from circuitviz.jobs.curve import Curve
from circuitviz.jobs.effects import EffectsOf
from circuitviz.jobs.elsewhere import EvaluateElsewhere
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.explain import Explain
from circuitviz.jobs.explanations import ImportExplanations
from circuitviz.jobs.feature_heads import ChannelsOf, ScoreOf
from circuitviz.jobs.features import OpenFeatures, ReadFeature
from circuitviz.jobs.find import Find, Found
from circuitviz.jobs.head import HeadOf
from circuitviz.jobs.judge import Judge
from circuitviz.jobs.lens import LensOf
from circuitviz.jobs.look import Look
from circuitviz.jobs.make import Make
from circuitviz.jobs.measure import Measure
from circuitviz.jobs.messages import Request
from circuitviz.jobs.node import ReadNode
from circuitviz.jobs.open_file import OpenBeside, OpenFile
from circuitviz.jobs.patching import PatchingOf
from circuitviz.jobs.preload import Preload
from circuitviz.jobs.prompted import (
    AdoptQuestion,
    Answered,
    AskQuestion,
    FractionCurve,
    MoveThreshold,
)
from circuitviz.jobs.rank import Rank
from circuitviz.jobs.read import Read
from circuitviz.jobs.references import ReadReferences
from circuitviz.jobs.suggest import Suggest
from circuitviz.jobs.switch_basis import SwitchBasis
from circuitviz.jobs.threads import UseThreads
from circuitviz.jobs.tops import ReadTops
from circuitviz.jobs.traces import INDEXED, CollectTraces
from circuitviz.jobs.train import TrainDictionary
from circuitviz.jobs.try_claims import Claim, TryClaims
from circuitviz.session import Basis, Evidence, State, Trial
from circuitviz.session.question import Question

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
ASKED = Question("demo", PROMPT, "a2.f719@16", nodes=60)
SEARCH = Find("demo", "ioi", None, 24, 3, "eap-ig", {}, "", "corrupted", "greedy", 200)


def job_classes() -> list[type[Request]]:
    """Every request that can be answered: those of the package of jobs, where all of them are defined."""
    for module in pkgutil.iter_modules(circuitviz.jobs.__path__):
        importlib.import_module(f"circuitviz.jobs.{module.name}")

    def below(of: type[Request]) -> Iterator[type[Request]]:
        for one in of.__subclasses__():
            if one.__module__.startswith("circuitviz.jobs."):  # not those that tests make
                yield one
                yield from below(one)
            elif one.__module__.startswith("circuitviz."):  # by another name, for a slot of its own
                assert not {"answer", "see"} & vars(one).keys(), f"{one.__name__} is a job outside of jobs/"

    return [one for one in dict.fromkeys(below(Request)) if one is not Look]


@dataclass(frozen=True)
class Opened:
    """What was found once, for jobs about it: a circuit of heads, and one of features (True), with their engines."""

    found: Found
    answered: Answered
    folder: Path
    engines: dict[bool, Engine]

    def engine(self, of: type[Request]) -> Engine:
        """An engine on which a job of this class finds what it needs: its own document's model is open."""
        return Engine() if of in NOTHING_OPEN else self.engines[of in OF_FEATURES]


def open_both(folder: Path) -> Opened:
    """Make what the jobs are about."""
    heads, features = Engine(), Engine()
    *_, found = heads.answer(SEARCH)
    *_, answered = features.answer(AskQuestion(ASKED))
    assert isinstance(found, Found) and isinstance(answered, Answered)
    return Opened(found, answered, folder, {False: heads, True: features})


NOTHING_OPEN = (
    Find,
    Adopt,
    Attach,
    AdoptQuestion,
    AskQuestion,
    Catalog,
    Make,
    OpenFile,
    OpenBeside,
    Preload,
    ReadReferences,
)
OF_FEATURES = (FractionCurve, MoveThreshold, ChannelsOf, ScoreOf, ReadNode, MeasureTrial, ReadFeature)


def _trial(o: Opened) -> Trial:
    trial = Trial.of(State(o.answered.provenance, o.answered.scores, o.answered.circuit))
    assert trial is not None
    return trial


def _judge(kind: Any, measure: str, o: Opened) -> Any:
    one = o.found
    return kind(measure, {}, "key", one.circuit, one.scores, opening=one.provenance.opening)


def _claims(o: Opened) -> TryClaims:
    tests = ("answer", {}), ("attention", {}), ("role", {"role": "previous-token"})
    claims = (
        Claim("a2.h6", Evidence("it does", test, given), ("a2.h6",), (), Basis()) for test, given in tests
    )
    return TryClaims(tuple(claims), (), o.found.provenance)


def _train(o: Opened) -> TrainDictionary:
    from circuitviz.features.training import Recipe

    return TrainDictionary("m1", None, o.folder / "trained", Recipe(features=256, steps=400, batch=1024))


def _document(o: Opened) -> Callable[[], Any]:
    """Reads a file of the circuit."""
    from circuitviz.formats import open_document, save_document
    from circuitviz.session import Document

    path = o.folder / "a.circuit"
    if not path.exists():
        save_document(Document(State(o.found.provenance, o.found.scores, o.found.circuit)), path)
    return partial(open_document, path)


def _explanations(o: Opened) -> ImportExplanations:
    path = o.folder / "explanations.jsonl"
    if not path.exists():
        rows = (f'{{"site": "m1", "index": {n}, "label": "feature number {n}"}}\n' for n in range(20_000))
        path.write_text("".join(rows))
    return ImportExplanations(path, "m", o.folder / "store.sqlite")


def _every_node(o: Opened) -> tuple[str, ...]:
    return tuple(name for name in o.found.circuit.node_names if name not in ("input", "logits"))


JOBS: dict[type[Request], Callable[[Opened], Request]] = {
    Find: lambda o: SEARCH,
    Adopt: lambda o: Adopt(o.found.provenance, o.found.circuit),
    Attach: lambda o: Attach(SEARCH, State(None, o.found.scores, o.found.circuit), "imported.json"),
    AdoptQuestion: lambda o: AdoptQuestion(o.answered.provenance, o.answered.circuit),
    AskQuestion: lambda o: AskQuestion(ASKED),
    MoveThreshold: lambda o: MoveThreshold(ASKED, 0.01),
    FractionCurve: lambda o: FractionCurve(ASKED),
    ChannelsOf: lambda o: ChannelsOf(ASKED, "a2.f719@16"),
    ScoreOf: lambda o: ScoreOf(ASKED, "a2.f719@16"),
    ReadNode: lambda o: ReadNode(ASKED, "a2.f719@16"),
    ReadFeature: lambda o: ReadFeature("a2", 719),
    MeasureTrial: lambda o: MeasureTrial(_trial(o), "key"),
    OpenFeatures: lambda o: OpenFeatures((), None, o.folder / "indexes"),
    CollectTraces: lambda o: CollectTraces("a2", 719, INDEXED, None, most=6),
    TrainDictionary: _train,
    ImportExplanations: _explanations,
    AttentionOf: lambda o: AttentionOf(2, 0),
    EffectsOf: lambda o: EffectsOf(None),
    HeadOf: lambda o: HeadOf("a2.h6", 0),
    LensOf: lambda o: LensOf("", 0),
    PatchingOf: lambda o: PatchingOf(None),
    Read: lambda o: Read("a2.h6", 0),
    ReadTops: lambda o: ReadTops(_every_node(o)),
    Measure: lambda o: Measure(o.found.circuit, "key", opening=o.found.provenance.opening),
    Curve: lambda o: Curve(o.found.scores, "greedy", o.found.provenance.opening),
    Explain: lambda o: Explain(
        "key", o.found.circuit, o.found.scores.greedy(100), {}, opening=o.found.provenance.opening
    ),
    Judge: lambda o: _judge(Judge, "minimality", o),
    Suggest: lambda o: _judge(Suggest, "roles", o),
    EvaluateElsewhere: lambda o: EvaluateElsewhere("demo", o.found.circuit, o.found.provenance, "key"),
    Rank: lambda o: Rank("r", o.found.circuit, None, ("eap", "exact"), None, "corrupted"),
    SwitchBasis: lambda o: SwitchBasis(o.found.provenance, ("m1",), 100, "Open m1 into features"),
    TryClaims: _claims,
    OpenFile: lambda o: OpenFile(_document(o), lambda _document: None),
    OpenBeside: lambda o: OpenBeside(_document(o), lambda _document: None),
    Make: lambda o: Make("read", _document(o), lambda _result: None),
    Preload: lambda o: Preload((partial(importlib.import_module, "circuitviz.formats"),)),
    ReadReferences: lambda o: ReadReferences(),
    Catalog: lambda o: Catalog(),
    UseThreads: lambda o: UseThreads(1),
}
