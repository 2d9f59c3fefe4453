"""Circuits of other tools: key-value heads that their files do not know, and signs that they do not tell."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Case, make_case
from slow_path import STORIES, logit_difference

from circuitviz.__main__ import main
from circuitviz.canvas.canvas_legend import canvas_entries
from circuitviz.discovery import discover, make_setting
from circuitviz.document import Document, State
from circuitviz.document.imported_circuits import fit_state, set_sign
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, evaluate
from circuitviz.evaluation.score_sign import SignDecision, decide_sign_steps
from circuitviz.formats import export_document, formats, import_document, open_document
from circuitviz.graph import Circuit, Scores
from circuitviz.paint import save_figure
from circuitviz.progress import run_to_completion
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.workbench.methods_text import methods_paragraph

pytestmark = pytest.mark.usefixtures("qapp")  # pictures need fonts
CLAIMS = re.compile(r"\b(raises?|lowers?|helps?|hurts?)\b", re.IGNORECASE)
TASK = ("-t", "gender", "--prompts", "5")


def eap_file(path: Path, scores: Scores, circuit: Circuit, sign: float = 1.0) -> Path:
    """EAP-IG's JSON by its rule: every key and value edge once for each query head, no number of key-value heads.

    A group's score is shared out unevenly over its heads, and its edge is in the graph for one of them.
    """
    pick, shape, edges = random.Random(0), scores.graph.shape, {}
    for name in scores.graph.edge_names(scores.graph.mask):
        s, r = scores.graph.edge(name)
        sender, receiver = name.split("->")
        layer, kv, head = receiver.partition("<")[0].partition(".kv")
        score, inside = sign * float(scores.values[s, r]), bool(circuit.edges[s, r])
        if not kv:
            edges[name] = {"score": score, "in_graph": inside}
            continue
        weights = [pick.uniform(-1, 2) for _ in range(shape.queries_per_kv_head - 1)]
        chosen = pick.randrange(shape.queries_per_kv_head)
        for i, weight in enumerate([*weights, 1 - sum(weights)]):
            query = f"{layer}.h{int(head) * shape.queries_per_kv_head + i}<{receiver[-2]}>"
            edges[f"{sender}->{query}"] = {"score": score * weight, "in_graph": inside and i == chosen}
    nodes = {n.name: {"in_graph": n.name in circuit.node_names} for n in scores.graph.nodes}
    cfg = {
        "n_layers": shape.n_layers,
        "n_heads": shape.n_heads,
        "parallel_attn_mlp": shape.parallel,
        "d_model": shape.d_model,
    }
    path.write_text(json.dumps({"cfg": cfg, "nodes": nodes, "edges": edges}))
    return path


@pytest.mark.parametrize("name", ["stories", "gemma2"])
def test_keys_and_values_are_summed_over_a_group(name: str, tmp_path: Path) -> None:
    case = make_case(name)
    scores = discover(case.model, case.task, "eap", metric="logit-diff")
    circuit = scores.greedy(60)
    document = import_document(eap_file(tmp_path / "a.json", scores, circuit))
    assert document.state.circuit is not None and not document.state.circuit.graph.shape.has_grouped_queries
    state = fit_state(document.state, case.model.shape, name)
    assert state.circuit == circuit and state.scores is not None
    assert np.abs(np.where(scores.graph.mask, state.scores.values - scores.values, 0)).max() < 1e-12
    ours, theirs = (evaluate(case.model, case.task, c, "logit-diff") for c in (circuit, state.circuit))
    assert ours.faithfulness == theirs.faithfulness


def test_a_circuit_of_a_grouped_query_model_is_imported_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_case("stories")
    scores = discover(case.model, case.task, "eap", metric="logit-diff")
    circuit = scores.greedy(60)
    path, out = eap_file(tmp_path / "a.json", scores, circuit), tmp_path / "a.circuit"
    assert main(["import", str(path), "-m", str(STORIES), "-o", str(out)]) == 0
    state = open_document(out).state
    assert state.circuit == circuit
    native = evaluate(case.model, case.task, circuit, "logit-diff").faithfulness.value
    for source in (path, out):
        capsys.readouterr()
        assert main(["evaluate", str(source), "-m", str(STORIES), *TASK, "--json", "--no-random"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["faithfulness"]["value"] == pytest.approx(native, abs=1e-6)
    exported = tmp_path / "b.json"
    export_document(open_document(out), exported)
    again = fit_state(import_document(exported).state, case.model.shape, "stories")
    assert again.circuit == circuit and np.allclose(again.scores.values, state.scores.values)  # type: ignore[union-attr]
    assert main(["import", str(path), "-m", "demo", "-o", str(out)]) == 2
    demo = make_case("demo").model.shape
    told = capsys.readouterr().err
    assert "5 layers, 8 heads, width 64" in told and f"'demo' has {demo.n_layers} layers" in told
    with pytest.raises(InputError, match="8 heads with 4 key-value heads"):
        fit_state(
            import_document(
                eap_file(
                    path,
                    discover(make_case("demo").model, make_case("demo").task, "eap"),
                    Circuit.full(make_case("demo").model.graph),
                )
            ).state,
            case.model.shape,
            "stories",
        )


def test_votes_are_exact_effects_of_the_strongest_edges(demo: Case) -> None:
    """Counted by the slow path: each edge alone ablated, in random scores."""
    graph = demo.model.graph
    draw = np.random.default_rng(1)
    scores = Scores(graph, np.where(graph.mask, draw.normal(size=graph.mask.shape), 0.0), "imported")
    found = run_to_completion(
        decide_sign_steps(FaithfulnessBench(make_setting(demo.model, demo.task)), scores, 8)
    )
    clean, _, corrupted, theirs = demo.slow_outputs()

    def measured(logits: Any) -> float:
        return float(logit_difference(logits, demo.task.correct, demo.task.incorrect).mean())

    names = sorted(graph.edge_names(graph.mask), key=lambda n: -abs(scores.values[graph.edge(n)]))[:8]
    effects = {
        n: measured(clean) - measured(demo.slow.run(demo.task.clean, demo.task.lengths - 1, theirs, {n})[0])
        for n in names
    }
    clear = [
        n for n, effect in effects.items() if abs(effect) > 1e-5 * abs(measured(clean) - measured(corrupted))
    ]
    agreeing = sum((effects[n] > 0) == (scores.values[graph.edge(n)] > 0) for n in clear)
    assert found.tested == 8 and (found.with_effect, found.agreeing) == (len(clear), agreeing)


@pytest.mark.parametrize(
    ("voting", "agreeing", "sign"),
    [(20, 20, "keep"), (20, 15, "keep"), (20, 14, "undecided"), (20, 6, "undecided"), (20, 5, "flip"),
     (20, 0, "flip"), (6, 6, "keep"), (5, 5, "undecided"), (0, 0, "undecided")],
)  # fmt: skip
def test_a_clear_majority_decides(voting: int, agreeing: int, sign: str) -> None:
    """Limits of the two-sided sign test at 5 %, from its table (n = 20: 5 or fewer)."""
    decision = SignDecision(20, voting, agreeing)
    assert decision.sign == sign and str(agreeing) in decision.summary


@pytest.fixture(scope="module")
def native() -> tuple[Scores, Circuit]:
    case = make_case("demo")
    scores = discover(case.model, case.task, "eap-ig", metric="logit-diff")
    return scores, scores.greedy(80)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_exact_effects_decide_the_sign_of_an_imported_circuit(
    native: tuple[Scores, Circuit], sign: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, circuit = native
    path, out = eap_file(tmp_path / "a.json", scores, circuit, sign), tmp_path / "a.circuit"
    words = ["import", str(path), "-m", "demo", "-t", "ioi", "--prompts", "16", "-o", str(out)]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["score_sign"] == "positive helps" and ("flipped" in told["note"]) is (sign < 0)
    document = open_document(out)
    assert np.allclose(document.state.scores.values, np.where(scores.graph.mask, scores.values, 0))  # type: ignore[union-attr]
    where = document.state.origin
    assert where is not None and where.options == {"file": "a.json", "sign": "auto"}
    assert (
        where.command_line().startswith("circuitviz import a.json -m demo -t ioi")
        and "--sign auto" in where.command_line()
    )
    assert "read from the file a.json" in methods_paragraph(document) and told["note"] in methods_paragraph(
        document
    )
    capsys.readouterr()
    assert main(["evaluate", str(out), "--json", "--no-random"]) == 0
    case = make_case("demo")
    from circuitviz.tasks import load_task

    value = evaluate(case.model, load_task("ioi", case.model, 16), circuit).faithfulness.value
    assert json.loads(capsys.readouterr().out)["faithfulness"]["value"] == pytest.approx(value, abs=1e-6)


def test_mixed_signs_stay_as_they_are_and_unknown(
    native: tuple[Scores, Circuit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, circuit = native
    order = np.argsort(-np.abs(scores.values), axis=None)
    mixed = scores.values.copy()
    flat = mixed.reshape(-1)
    flat[order[::2]] *= -1
    path, out = eap_file(tmp_path / "a.json", replace(scores, values=mixed), circuit), tmp_path / "a.circuit"
    assert main(["import", str(path), "-m", "demo", "-t", "ioi", "--prompts", "8", "-o", str(out)]) == 0
    out_text, err = capsys.readouterr()
    assert "does not tell" in err and "not known" in out_text
    state = open_document(out).state
    assert state.sign_meaning == "file" and np.allclose(
        state.scores.values, np.where(scores.graph.mask, mixed, 0)
    )  # type: ignore[union-attr]


@pytest.mark.parametrize("choice", ["keep", "flip"])
def test_a_person_says_the_sign(native: tuple[Scores, Circuit], choice: str, tmp_path: Path) -> None:
    scores, circuit = native
    path, out = eap_file(tmp_path / "a.json", scores, circuit), tmp_path / "a.circuit"
    assert main(["import", str(path), "--sign", choice, "-o", str(out)]) == 0
    state = open_document(out).state
    assert state.scores is not None and state.scores.sign_known
    turned = -1 if choice == "flip" else 1
    assert np.allclose(state.scores.values, turned * np.where(scores.graph.mask, scores.values, 0))
    assert ("flipped" in state.scores.info["score_sign_note"]) is (choice == "flip")
    assert main(["import", str(path), "--sign", "auto", "-o", str(out)]) == 2


def test_a_turned_sign_is_undone_and_counts_as_a_change(
    native: tuple[Scores, Circuit], tmp_path: Path
) -> None:
    scores, circuit = native
    for choice in ("keep", "flip"):
        document = import_document(eap_file(tmp_path / "a.json", scores, circuit))
        before = document.state
        change = document.apply_command(set_sign(choice, "a note"))
        assert (
            document.is_dirty
            and document.state.sign_meaning == "helps"
            and document.state.hash != before.hash
        )
        document.set_state(change.before)
        assert document.state is before and document.state.sign_meaning == "file" and not document.is_dirty


SUFFIXES = [e.value.suffix for e in formats.entries() if e.value.reads and e.value.writes]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("known", [True, False])
def test_every_format_keeps_whether_the_sign_is_known(
    native: tuple[Scores, Circuit], suffix: str, known: bool, tmp_path: Path
) -> None:
    """A table of edges has its word in the table of nodes beside it."""
    scores, circuit = native
    imported = replace(scores, method="imported", options={})
    document = Document(State(scores=imported, circuit=circuit))
    if known:
        document.apply_command(set_sign("flip", "a note"))
    if suffix == ".csv":
        export_document(document, tmp_path / "a.nodes.csv")
    if suffix == ".nodes.csv":
        export_document(document, tmp_path / "a.csv")
    export_document(document, tmp_path / f"a{suffix}")
    again = import_document(tmp_path / f"a{suffix}").state
    assert again.scores is not None and again.scores.sign_known is known
    if suffix == ".json":
        assert json.loads((tmp_path / "a.json").read_text())["cfg"].get("score_sign") == (
            "positive helps" if known else None
        )
    found = Document(State(scores=scores, circuit=circuit))
    export_document(found, tmp_path / f"b{suffix}")
    if suffix == ".csv":
        export_document(found, tmp_path / "b.nodes.csv")
    if suffix == ".nodes.csv":
        export_document(found, tmp_path / "b.csv")
    assert import_document(tmp_path / f"b{suffix}").state.sign_meaning == "helps"


def legend_texts(picture: CircuitScene) -> list[str]:
    return [e.text for e in canvas_entries(picture, EdgeStyles.of_edges(picture.edges, LIGHT), LIGHT)]


def test_nothing_is_claimed_of_signs_that_are_not_known(
    native: tuple[Scores, Circuit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Legends on screen and on paper, and the command line; what is said once the sign is known."""
    document = import_document(eap_file(tmp_path / "a.json", *native))
    picture = build_scene(document.state)
    texts = legend_texts(picture)
    assert {"positive score in the file", "negative score in the file"} <= set(texts)
    save_figure(document, tmp_path / "a.svg", FigureOptions())
    svg = (tmp_path / "a.svg").read_text()
    assert "negative score in the file" in svg and not any(map(CLAIMS.search, [*texts, svg]))
    assert main(["import", str(tmp_path / "a.json"), "-o", str(tmp_path / "a.circuit")]) == 0
    said = capsys.readouterr()
    assert "not known" in said.out
    known = set_sign("keep", "a note").transform(document.state)
    picture = build_scene(known)
    texts = legend_texts(picture)
    assert {"raises the metric", "lowers the metric"} <= set(texts)
    with pytest.raises(InputError, match="whether positive helps"):
        document.state.scores.signed(5)  # type: ignore[union-attr]
    circuit = Document(State(circuit=native[1]))  # a reference: no scores at all
    picture = build_scene(circuit.state)
    assert not any(map(CLAIMS.search, legend_texts(picture)))
