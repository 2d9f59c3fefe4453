"""MIB's numbers against its loop over trapezoids, with circuits run by the slow path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Case, make_case
from slow_faithfulness import Slow

from circuitviz.discovery import discover, make_setting
from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.evaluation import (
    FaithfulnessBench,
    MeasureInput,
    measure_steps,
    mib_method_steps,
    mib_random_steps,
    mib_scores_steps,
    mib_submission_steps,
    split_prompts,
)
from circuitviz.evaluation.curve import weighted_edge_count
from circuitviz.formats import export_document, import_document
from circuitviz.formats.mib_submission import read_submission, write_importances
from circuitviz.graph import Circuit, Graph, Scores
from circuitviz.progress import run_to_completion

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


def mib_areas(faithfulness: list[float]) -> tuple[float, float]:
    """CPR and CMD, summed interval by interval."""
    under = from_1 = 0.0
    for (x1, y1), (x2, y2) in zip(
        zip(SHARES, faithfulness, strict=True), list(zip(SHARES, faithfulness, strict=True))[1:], strict=False
    ):
        under += (x2 - x1) * (y1 + y2) / 2
        from_1 += (x2 - x1) * (abs(1 - y1) + abs(1 - y2)) / 2
    return under, from_1


def strongest(graph: Graph, strength: np.ndarray, n: int) -> np.ndarray:
    """The n strongest edges, without those that no path from the input to the logits takes, by names."""
    order = sorted(np.argwhere(graph.mask).tolist(), key=lambda edge: -strength[tuple(edge)])[:n]
    edges = {(graph.senders[s], graph.receivers[r], s, r) for s, r in order}
    while True:
        senders = {sender for sender, *_ in edges}
        owners = {receiver.partition("<")[0] for _, receiver, *_ in edges}
        kept = {e for e in edges if e[0] == "input" or e[0] in owners}
        kept = {e for e in kept if e[1] == "logits" or e[1].partition("<")[0] in senders}
        if kept == edges:
            break
        edges = kept
    chosen = np.zeros_like(graph.mask)
    for *_, s, r in edges:
        chosen[s, r] = True
    return chosen


@pytest.mark.parametrize("select", ["top", "signed"])
def test_a_ranking_has_mibs_areas(select: str) -> None:
    case = make_case("neox")
    slow, graph = Slow(case), case.model.graph
    scores = discover(case.model, case.task, "eap", metric="logit-diff")
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    row = run_to_completion(mib_scores_steps(bench, "eap", scores, select, case.task))
    strength = np.abs(scores.values) if select == "top" else scores.values
    circuits = [strongest(graph, strength, int(share * graph.n_edges)) for share in SHARES]
    values = [slow.faithfulness(edges) for edges in circuits]
    cpr, cmd = mib_areas(values)
    assert row.areas["cpr"].value == pytest.approx(cpr, abs=1e-3)
    assert row.areas["cmd"].value == pytest.approx(cmd, abs=1e-3)
    assert row.areas["cpr_clipped"].value == pytest.approx(mib_areas(np.clip(values, 0, 1))[0], abs=1e-3)
    assert [point.weighted_edges for point in row.points] == [edges.sum() for edges in circuits]
    assert row.as_dict()["sample"] == "in-sample" and row.select == select


def test_a_search_is_judged_on_other_prompts_and_beside_random_rankings(demo: Case) -> None:
    searched, evaluated = split_prompts(demo.task)
    assert not set(searched.pairs) & set(evaluated.pairs) and len(searched) == len(evaluated) == 3
    bench = FaithfulnessBench(make_setting(demo.model, evaluated))
    search = make_setting(demo.model, searched)
    row, scores = run_to_completion(mib_method_steps(search, bench, "eap"))
    assert np.array_equal(scores.values, discover(demo.model, searched, "eap").values)
    assert (row.sample, row.prompts) == ("held-out", 3)
    random = run_to_completion(mib_random_steps(bench, 3))
    assert random.areas["cpr"].low <= random.areas["cpr"].value < row.areas["cpr"].low
    refused, nothing = run_to_completion(mib_method_steps(search, bench, "task-attribution", sites="m99"))
    assert refused.error and nothing is None and not refused.points
    with pytest.raises(InputError, match="only one"):
        split_prompts(demo.task.subset([0]))


def test_submissions_are_written_and_read_as_mib_has_them(tmp_path: Path, case: Case) -> None:
    """Importances give the numbers of the scores; circuits of all sizes give those of the same circuits."""
    graph = case.model.graph
    values = np.where(graph.mask, np.random.default_rng(0).normal(size=graph.mask.shape), 0)
    scores = Scores(graph, values, "drawn")
    written = write_importances(
        tmp_path / "drawn",
        "my_task",
        "gpt2-small",
        Document(State(scores=scores, circuit=Circuit.full(graph))),
    )
    assert written == tmp_path / "drawn" / "my-task_gpt2" / "importances.json"
    (entry,) = read_submission(tmp_path / "drawn")
    assert (entry.task, entry.model, entry.has_importances) == ("my-task", "gpt2", True)
    (document,) = entry.read()
    assert document.state.scores is not None
    assert document.state.scores.values == pytest.approx(values)
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    by_scores = run_to_completion(mib_scores_steps(bench, "drawn", document.state.scores))

    folder = tmp_path / "nine" / "my-task_gpt2"
    folder.mkdir(parents=True)
    for share in SHARES[:-1]:
        circuit = scores.top(int(share * graph.n_edges))
        export_document(Document(State(scores=scores, circuit=circuit)), folder / f"{share}.json")
    (entry,) = read_submission(folder.parent)
    circuits = [one.state.circuit for one in entry.read()]
    assert len(circuits) == 9 and not entry.has_importances
    by_circuits = run_to_completion(mib_submission_steps(bench, "nine", circuits))
    assert by_circuits.areas["cpr"].value == pytest.approx(by_scores.areas["cpr"].value)
    assert by_circuits.sample == "unknown sample"


def test_a_folder_that_is_no_submission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ioi_gpt2").mkdir()
    (tmp_path / "ioi_gpt2" / "scores.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"TASK_MODEL.*\.pt files are pickles"):
        read_submission(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        read_submission(tmp_path / "absent")


def test_shared_keys_count_once_per_query_head(tmp_path: Path) -> None:
    """As in EAP-IG's file of the whole model, which lists every edge that MIB counts."""
    case = make_case("gemma2")
    graph = case.model.graph
    assert graph.shape.has_grouped_queries
    path = tmp_path / "all.json"
    export_document(Document(State(circuit=Circuit.full(graph))), path)
    listed = import_document(path).state.circuit
    assert listed is not None and weighted_edge_count(Circuit.full(graph)) > graph.n_edges
    assert path.read_text().count("->") == weighted_edge_count(Circuit.full(graph))


def test_scores_of_another_graph_have_a_row_with_the_reason(demo: Case) -> None:
    setting = make_setting(demo.model, demo.task, by_span=True)
    by_span = discover(demo.model, demo.task, "eap", by_span=True)
    subject = MeasureInput(FaithfulnessBench(setting), by_span.greedy(40), by_span)
    options = {"methods": "eap, task-attribution", "prompts": 3, "random": 1}
    rows = run_to_completion(measure_steps("mib", subject, **options)).as_dict()["rows"]
    own, eap, features, random = rows
    assert "scores of edges by span" in own["error"] and not own["points"] and "cpr" not in own
    assert "scores of features" in features["error"] and features["seconds"] > 0
    assert eap["cpr"]["value"] > random["cpr"]["value"] and not eap["error"]


def test_the_measure_holds_methods_against_the_circuits_own_scores(demo: Case) -> None:
    scores = discover(demo.model, demo.task, "eap")
    subject = MeasureInput(FaithfulnessBench(make_setting(demo.model, demo.task)), scores.greedy(40), scores)
    table = run_to_completion(
        measure_steps("mib", subject, methods="eap", tasks="", prompts=3, random=1)
    ).as_dict()
    samples = {row["method"]: row["sample"] for row in table["rows"]}
    assert samples == {"this circuit's scores": "in-sample", "eap": "held-out", "random": "held-out"}
    searched, evaluated = split_prompts(demo.task)
    bench = FaithfulnessBench(make_setting(demo.model, evaluated))
    row, _ = run_to_completion(mib_method_steps(make_setting(demo.model, searched), bench, "eap"))
    found = next(row for row in table["rows"] if row["method"] == "eap")
    assert found["cpr"]["value"] == pytest.approx(row.areas["cpr"].value)
    other = run_to_completion(
        measure_steps("mib", subject, methods="eap", tasks="greater-than, sva", prompts=3, random=0)
    ).as_dict()
    assert [row["task"] for row in other["rows"]] == ["greater-than", "sva"]
    with pytest.raises(InputError, match="eapp"):
        measure_steps("mib", subject, methods="eapp")
