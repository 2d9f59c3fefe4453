"""What notebooks show of circuits and numbers, and what circuits become there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import lazy_loader
import networkx as nx
import numpy as np
import pytest
from example_documents import GRAPH, labelled_document

import circuitviz as cv
from circuitviz.errors import InputError
from circuitviz.formats import open_document
from circuitviz.graph import Evaluation, ModelShape
from circuitviz.graph.evaluation import Interval
from circuitviz.lens.direct_logits import TokenLogit
from circuitviz.lens.node_lens import NodeReading
from circuitviz.notebook import convert, open_window
from circuitviz.plots import BarPlot, HeatMapPlot, LinePlot, TablePlot

HOSTILE = "</style></svg><script>harm()</script><img src=x onerror='harm()'>\"&\x00"


class ElementCounter(HTMLParser):
    """Which elements a browser would make, and the texts in them; unclosed elements raise."""

    VOID = ("br", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def check_harmless(self) -> None:
        assert not {"script", "img"} & set(self.tags)
        assert not [name for name, _ in self.attributes if name.startswith("on")]
        assert not [
            value for _, value in self.attributes if value and "http" in value and "w3.org" not in value
        ]


def hostile_document():
    document = labelled_document()
    label = replace(document.state.labels["a3.h1"], text=HOSTILE)
    document.set_state(replace(document.state, labels={**document.state.labels, "a3.h1": label}))
    return document


def test_a_circuit_draws_each_node_and_edge():
    document = labelled_document()
    circuit = document.state.circuit
    html = circuit._repr_html_()
    drawing = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    name = "{http://www.w3.org/2000/svg}"
    assert {path[0].text for path in drawing.iter(f"{name}path")} == set(circuit.edge_names)
    titles = {group.find(f"{name}title").text.split("\n")[0] for group in drawing.iter(f"{name}g")}
    assert titles == set(circuit.node_names)
    assert "70 of" in "".join(ElementCounter(html).texts)


def test_documents_show_scores_and_labels_and_run_nothing_of_them():
    html = hostile_document()._repr_html_()
    parsed = ElementCounter(html)
    parsed.check_harmless()
    assert "Duplicate Token" in parsed.texts
    assert HOSTILE.replace("\x00", "\\u0000") in parsed.texts


def test_colours_follow_the_notebook_and_the_system():
    html = labelled_document().state.circuit._repr_html_()
    for theme in ("prefers-color-scheme:dark", '[data-jp-theme-light="false"]', ".vscode-dark"):
        assert theme in html
    defined = {word.split(":")[0] for word in html.replace("{", ";").split(";") if word.startswith("--cv-")}
    used = {part.split(")")[0] for part in html.split("var(")[1:]}
    assert used <= defined


def test_scores_list_the_strongest_edges():
    scores = labelled_document().state.scores
    texts = ElementCounter(scores._repr_html_()).texts
    place = np.unravel_index(np.argmax(np.abs(scores.values * GRAPH.mask)), scores.values.shape)
    assert GRAPH.edge_name(int(place[0]), int(place[1])) in texts
    helping = int(((scores.values > 0) & GRAPH.mask).sum())
    assert any(f"{helping:,} help" in text for text in texts)


def test_an_evaluation_shows_its_interval_and_setting():
    shown = Evaluation(Interval(-0.25, -0.5, 0.125), 1.0, 2.0, float("nan"), HOSTILE, "mean", 64, 3, 70, 12)
    parsed = ElementCounter(shown._repr_html_())
    parsed.check_harmless()
    text = " ".join(parsed.texts)
    assert "Faithfulness −0.250 [−0.500, 0.125]" in text and "64 prompts, seed 3" in text
    undefined = replace(shown, faithfulness=Interval(None))
    assert "Faithfulness undefined" in undefined._repr_html_()


def test_readings_and_plots_show_themselves():
    token = TokenLogit(HOSTILE, 1.5, 0.25, 0, "correct")
    reading = NodeReading("a0.h1", 0, [HOSTILE, "b"], [token], [], [], -0.5, [[1.0, 0.0], [0.25, 0.75]])
    plots = (
        BarPlot([HOSTILE, "b"], [1.0, -2.0], HOSTILE),
        LinePlot([0, 1], {HOSTILE: [0.5, float("nan")]}, HOSTILE, HOSTILE),
        HeatMapPlot([HOSTILE], ["a", "b"], [[0.5, None]], HOSTILE),
        TablePlot([HOSTILE, "n"], [[HOSTILE, 1], ["b", None]]),
    )
    for shown in (reading, *plots):
        parsed = ElementCounter(shown._repr_html_())
        parsed.check_harmless()
        assert any("harm()" in text for text in parsed.texts), shown


def test_many_edges_are_not_drawn_in_a_notebook():
    full = cv.Circuit.full(cv.Graph.transformer(ModelShape(12, 12, 768)))
    html = full._repr_html_()
    assert "32,491 of 32,491 edges" in html and "<svg" not in html and len(html) < 10_000


def test_networkx_holds_the_circuit_and_gives_it_back():
    state = labelled_document().state
    graph = state.circuit.to_networkx(state.scores)
    assert isinstance(graph, nx.MultiDiGraph)
    expected = {
        (GRAPH.senders[s], GRAPH.receivers[r]): float(state.scores.values[s, r])
        for s, r in zip(*state.circuit.edge_indices, strict=True)
    }
    assert {(s, d["receiver"]): d["score"] for s, _, d in graph.edges(data=True)} == expected
    again = cv.from_networkx(graph)
    assert again.state.circuit == state.circuit
    assert "score" not in next(iter(state.circuit.to_networkx().edges(data=True)))[2]
    with pytest.raises(InputError, match="is no circuit"):
        cv.from_networkx(nx.DiGraph([("here", "there")]))


def test_data_frames_hold_nodes_and_edges():
    pytest.importorskip("pandas", reason="pandas is not installed")
    document = labelled_document()
    circuit, scores = document.state.circuit, document.state.scores
    nodes, edges = document.to_pandas()
    assert set(nodes.index) == set(circuit.node_names) and nodes.loc["a3.h1", "label"] == "Name Mover"
    assert set(edges["sender"] + "->" + edges["receiver"]) == set(circuit.edge_names)
    assert edges["score"].abs().is_monotonic_decreasing
    first = GRAPH.edge(f"{edges['sender'][0]}->{edges['receiver'][0]}")
    assert edges["score"][0] == scores.values[first]
    assert circuit.to_pandas()[1]["score"].isna().all()


def test_without_pandas_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(convert, "pd", lazy_loader.load("no_such_package"))
    with pytest.raises(InputError, match="pip install pandas"):
        labelled_document().to_pandas()


def test_eap_ig_json_holds_the_circuit_and_gives_it_back():
    state = labelled_document().state
    data = json.loads(json.dumps(state.circuit.to_eap_ig(state.scores)))
    assert {name for name, edge in data["edges"].items() if edge["in_graph"]} == set(state.circuit.edge_names)
    again = cv.from_eap_ig(data)
    assert again.state.circuit == state.circuit
    assert np.array_equal(again.state.scores.values, np.where(GRAPH.mask, state.scores.values, 0.0))
    with pytest.raises(InputError, match="needs the keys cfg"):
        cv.from_eap_ig({})


def test_scores_of_another_graph_are_refused():
    other = cv.Graph.transformer(ModelShape(2, 2, 8))
    scores = cv.Scores(other, np.zeros(other.mask.shape), "eap")
    with pytest.raises(InputError, match="another|chosen from"):
        labelled_document().state.circuit.to_networkx(scores)


def test_show_starts_a_window_on_a_copy(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **options: started.append(given[0]))
    monkeypatch.setattr(open_window, "user_data_folder", lambda: tmp_path)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    old = tmp_path / "notebook" / "old.circuit"
    old.parent.mkdir()
    old.touch()
    os.utime(old, (0, 0))
    state = labelled_document().state
    state.circuit.show(state.scores)
    (words,) = started
    assert words[:4] == [sys.executable, "-m", "circuitviz", "--copy"]
    copy = open_document(words[4])
    assert copy.state.circuit == state.circuit and np.array_equal(
        copy.state.scores.values, state.scores.values
    )
    assert not old.exists()
    for name in open_window.SCREENS:
        monkeypatch.delenv(name, raising=False)
    if sys.platform.startswith("linux"):
        with pytest.raises(InputError, match="no screen"):
            state.circuit.show()
