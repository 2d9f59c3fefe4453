"""A circuit as a web page: what the file holds, and, where a browser is there, what it shows and does."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from example_documents import labelled_document

from circuitviz.__main__ import main
from circuitviz.document import Document, Evidence, Label, State
from circuitviz.document.groups import Group
from circuitviz.document.labels import ClaimOutcome
from circuitviz.draw.page_data import describe_circuit
from circuitviz.draw.web_page import write_web_page
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.theme import EDGE_COLOURS, EDGES_BY_INPUT, SIGN_COLOURS, THEMES

HOSTILE = "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>\"&\u2028"


class PageParser(HTMLParser):
    """Elements with their texts; what a browser would take for elements."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self._is_open = False
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        self._is_open = True

    def handle_data(self, data):
        if self._is_open:
            self.elements[-1][2].append(data)

    def handle_endtag(self, tag):
        self._is_open = False

    def texts(self, tag: str) -> list[str]:
        return ["".join(words) for name, _, words in self.elements if name == tag]

    def text_of(self, name: str) -> str:
        return next("".join(words) for _, given, words in self.elements if given.get("id") == name)


def hostile_document() -> Document:
    document = labelled_document()
    state = document.state
    outcome = ClaimOutcome(
        "holds", 0.4, 0.3, 0.5, HOSTILE, 16, "", 0, "2026-01-01", state.evidence_context_of("a3.h1")
    )
    label = Label(
        HOSTILE, note=HOSTILE, author=HOSTILE, evidence=(Evidence(HOSTILE, "ablation", {}, outcome),)
    )
    document.set_state(replace(state, labels={**state.labels, "a3.h1": label}, notes=HOSTILE))
    document.curve = [
        {"edges": n, "asked": n, "value": v, "low": v - 0.1, "high": v + 0.1}
        for n, v in ((10, 0.2), (70, 0.8))
    ]
    return document


def test_the_data_is_the_circuit():
    document = labelled_document()
    circuit, scores = document.state.circuit, document.state.scores
    data = json.loads(json.dumps(describe_circuit(document)))
    assert {node["name"] for node in data["nodes"]} == set(circuit.node_names)
    graph, drawn = circuit.graph, {edge["name"]: edge["score"] for edge in data["edges"]}
    expected = {
        graph.edge_name(int(s), int(r)): float(scores.values[s, r])
        for s, r in zip(*circuit.edge_indices, strict=True)
    }
    assert drawn == expected
    for edge in data["edges"]:  # each begins on its sender's upper side and ends on its receiver's lower one
        sender, receiver = (data["nodes"][edge[end]]["box"] for end in ("sender", "receiver"))
        assert sender[0] <= edge["points"][0] <= sender[2] and edge["points"][1] == sender[1]
        assert receiver[0] <= edge["points"][-2] <= receiver[2] and edge["points"][-1] == receiver[3]


def test_hostile_text_stays_text():
    page = write_web_page(hostile_document(), methods=HOSTILE)
    parsed = PageParser(page)
    assert [name for name, _, _ in parsed.elements].count("script") == 3
    assert "img" not in [name for name, _, _ in parsed.elements]
    data = json.loads(parsed.text_of("circuit-data"))
    told = next(node["evidence"] for node in data["nodes"] if node["name"] == "a3.h1")
    assert told["text"] == told["note"] == told["author"] == told["evidence"][0]["claim"] == HOSTILE
    assert page.count(b"window.harmed = 1</script>") == 0


def test_only_the_page_s_own_code_is_allowed():
    parsed = PageParser(write_web_page(labelled_document()))
    policy = next(
        g["content"] for _, g, _ in parsed.elements if g.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    script = next(
        "".join(w) for name, g, w in parsed.elements if name == "script" and g.get("type") == "module"
    )
    for text in (script, parsed.texts("style")[0]):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert not [g for _, g, _ in parsed.elements if "style" in g or any(name.startswith("on") for name in g)]
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", "".join(map(str, parsed.elements)))


def test_the_document_is_in_the_page(tmp_path):
    document = hostile_document()
    parsed = PageParser(write_web_page(document))
    data = base64.b64decode(parsed.text_of("circuit-file"))
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    (tmp_path / "again.circuit").write_bytes(data)
    assert open_document(tmp_path / "again.circuit").state.hash == document.state.hash


def test_a_page_of_200_edges_is_below_one_megabyte():
    graph = Graph.transformer(ModelShape(30, 9, 576, n_kv_heads=3))  # of SmolLM2-135M: 70,651 edges
    noise = np.random.default_rng(1).normal(size=graph.mask.shape).astype(np.float32)
    scores = Scores(graph, noise * graph.mask, "eap")
    document = Document(State(scores=scores, circuit=scores.greedy(200)))
    assert document.state.circuit.n_edges == 200
    assert len(write_web_page(document)) < 1_000_000
    data = describe_circuit(document)  # 30 layers: from left to right, so that names can be read
    left, top, right, bottom = data["bounds"]
    assert data["isHorizontal"] and min(940 / (right - left), 560 / (bottom - top)) > 0.55
    boxes = np.array([node["box"] for node in data["nodes"]])
    for row, one in enumerate(boxes):
        others = np.delete(boxes, row, axis=0)
        apart = (others[:, :2] >= one[2:]).any(1) | (others[:, 2:] <= one[:2]).any(1)
        assert apart.all(), data["nodes"][row]["name"]
    layer = {column["x"]: column["text"] for column in data["columns"]}
    for node, box in zip(data["nodes"], boxes, strict=True):
        if node["name"].startswith("a"):
            assert (
                min(layer, key=lambda x: abs(x - (box[0] + box[2]) / 2)) is not None
                and layer[min(layer, key=lambda x: abs(x - (box[0] + box[2]) / 2))]
                == f"L{node['name'][1:].partition('.')[0]}"
            )
    for edge in data["edges"]:  # each begins on its sender's right side and ends on its receiver's left one
        sender, receiver = (data["nodes"][edge[end]]["box"] for end in ("sender", "receiver"))
        assert edge["points"][0] == sender[2] and edge["points"][-2] == receiver[0]


@pytest.mark.parametrize("colours", EDGE_COLOURS)
def test_edges_have_the_colours_that_were_asked_for(colours, tmp_path):
    source, page = tmp_path / "found.circuit", tmp_path / "found.html"
    save_document(labelled_document(), source)
    assert main(["export", str(source), "-o", str(page), "--edge-colours", colours]) == 0
    data = json.loads(PageParser(page.read_bytes()).text_of("circuit-data"))
    for name, theme in THEMES.items():
        inks = data["palettes"][name]["inks"]
        used = {(edge["channel"], edge["score"] > 0): inks[edge["ink"]] for edge in data["edges"]}
        for (channel, is_positive), ink in used.items():
            if colours == EDGES_BY_INPUT and channel:
                assert ink == (theme.query, theme.key, theme.value)[channel - 1]
            elif colours != EDGES_BY_INPUT:
                assert ink == SIGN_COLOURS[colours][name][not is_positive]


def test_the_command_writes_a_page_and_its_methods(tmp_path):
    source, page = tmp_path / "found.circuit", tmp_path / "found.html"
    save_document(labelled_document(), source)
    assert main(["export", str(source), "-o", str(page)]) == 0
    text = page.read_text("utf-8")
    assert "We searched for the circuit" in text and "faithfulness 0.812" in text


def test_without_a_circuit_there_is_no_page():
    with pytest.raises(InputError, match="no circuit to draw"):
        write_web_page(Document())


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, tmp_path):
    """The hostile document's page in a window of 1280 × 800, with what it asked for and complained of."""
    path = tmp_path / "circuit.html"
    path.write_bytes(write_web_page(hostile_document(), methods=HOSTILE))
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.requests, opened.complaints = [], []
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.goto(path.as_uri())
    opened.wait_for_function("window.viewer?.drawn")
    yield opened
    assert not opened.complaints
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert opened.evaluate("window.harmed") is None
    opened.close()


def place_of(page, name: str) -> tuple[float, float]:
    """Where a node's middle is in the window."""
    x, y = page.evaluate(
        """name => { const { box } = viewer.nodes.find((n) => n.name === name);
        return [(box[0] + box[2]) / 2 * viewer.zoom + viewer.offset[0], (box[1] + box[3]) / 2 * viewer.zoom + viewer.offset[1]]; }""",
        name,
    )
    canvas = page.locator("canvas").bounding_box()
    return canvas["x"] + x, canvas["y"] + y


def drawn(page) -> dict[str, int]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("viewer.drawn")


def test_a_browser_draws_hovers_filters_and_searches(page):
    circuit, scores = labelled_document().state.circuit, labelled_document().state.scores
    values = scores.values[circuit.edge_indices]
    assert drawn(page) == {"nodes": circuit.n_nodes, "edges": 70}
    details = page.locator(".details")
    page.mouse.move(*place_of(page, "a3.h1"))
    assert HOSTILE.split("\u2028")[0] in details.inner_text() and "holds" in details.inner_text()
    page.get_by_label("Sign of the score").select_option("negative")
    assert drawn(page)["edges"] == int((values < 0).sum())
    page.get_by_label("Sign of the score").select_option("all")
    page.get_by_label("Number of edges, the strongest").fill("10")
    strongest = float(np.sort(np.abs(values))[-10])
    assert drawn(page)["edges"] == 10
    shown = page.evaluate("viewer.edges.filter((e) => e.shown).map((e) => Math.abs(e.score))")
    assert min(shown) == pytest.approx(strongest)
    page.get_by_label("Number of edges, the strongest").fill("70")
    page.get_by_label("query").uncheck()
    is_query = [circuit.graph.channel(int(r)) == "q" for r in circuit.edge_indices[1]]
    assert drawn(page)["edges"] == 70 - sum(is_query)
    page.get_by_label("Search nodes and labels").fill("s-inhib")
    names = page.evaluate("[...viewer.matches].map((row) => viewer.nodes[row].name)")
    assert sorted(names) == ["a2.h0", "a2.h3"]


def test_a_browser_is_used_by_keys_wheel_and_drag(page):
    canvas = page.locator("canvas")
    canvas.focus()
    page.keyboard.press("ArrowUp")
    first = page.evaluate("viewer.nodes[viewer.selected.node].name")
    page.keyboard.press("ArrowUp")
    above = page.evaluate("viewer.nodes[viewer.selected.node].name")
    tops = page.evaluate(
        "([a, b]) => [a, b].map((name) => viewer.nodes.find((n) => n.name === name).box[1])", [first, above]
    )
    assert tops[1] < tops[0] and above in page.locator(".details h2").inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("viewer.selected") is None
    before = page.evaluate("[viewer.zoom, ...viewer.offset]")
    page.mouse.move(500, 400)
    page.mouse.wheel(0, -300)
    page.wait_for_function("before => viewer.zoom > before", arg=before[0])
    offset = page.evaluate("viewer.offset")
    page.mouse.down()
    page.mouse.move(560, 430, steps=4)
    page.mouse.up()
    assert np.subtract(page.evaluate("viewer.offset"), offset) == pytest.approx([60, 30])


def test_a_resized_window_keeps_what_was_zoomed(page):
    fitted = page.evaluate("viewer.zoom")
    page.set_viewport_size({"width": 900, "height": 600})
    page.wait_for_function("before => viewer.zoom < before", arg=fitted)  # what was fitted is fitted again
    canvas = page.locator("canvas").bounding_box()
    page.mouse.move(canvas["x"] + 200, canvas["y"] + 200)
    page.mouse.wheel(0, -600)
    page.wait_for_function("before => viewer.zoom > 1.5 * before", arg=fitted)
    middle = "[viewer.zoom, ...[0, 1].map((i) => (viewer.size[i] / 2 - viewer.offset[i]) / viewer.zoom)]"
    before, size = page.evaluate(middle), page.evaluate("viewer.size")
    page.set_viewport_size({"width": 1100, "height": 800})
    page.wait_for_function("size => viewer.size[0] > size[0]", arg=size)
    assert page.evaluate(middle) == pytest.approx(before)


def test_labels_select_what_they_name(browser, tmp_path):
    document = labelled_document()
    state, graph = document.state, document.state.circuit.graph
    edge = state.circuit.edge_names[0]
    labels = {edge: Label("an edge"), "class:s-inhibition": Label("of a class"), "group:pair": Label("two")}
    groups = {"pair": Group(frozenset({"a1.h0", "a1.h1"}))}
    document.set_state(replace(state, labels={**state.labels, **labels}, groups=groups))
    (tmp_path / "labels.html").write_bytes(write_web_page(document))
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((tmp_path / "labels.html").as_uri())
    page.wait_for_function("window.viewer?.drawn")

    def press(target: str) -> None:
        page.locator("[data-target]").filter(has_text=re.compile(f"^{re.escape(target)}$")).click()

    press(edge)
    assert page.locator(".details h2").inner_text() == edge and graph.edge(edge)
    for target, nodes in (("class:s-inhibition", {"a2.h0", "a2.h3"}), ("group:pair", {"a1.h0", "a1.h1"})):
        press(target)
        names = page.evaluate("[...viewer.matches].map((row) => viewer.nodes[row].name)")
        assert set(names) == nodes and page.evaluate("viewer.selected") is None
    press("a3.h1")
    assert page.evaluate("[viewer.matches.size, viewer.nodes[viewer.selected.node].name]") == [0, "a3.h1"]
    page.close()


def test_the_page_saves_the_document(page, tmp_path):
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save circuit.circuit").click()
    waiting.value.save_as(tmp_path / "saved.circuit")
    assert open_document(tmp_path / "saved.circuit").state.hash == hostile_document().state.hash


def test_a_phone_shows_the_page_without_scrolling_sideways(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_strongest_edge_is_found_under_the_pointer(page):
    state = labelled_document().state
    senders, receivers = state.circuit.edge_indices
    strongest = int(np.argmax(np.abs(state.scores.values[senders, receivers])))
    name = state.circuit.graph.edge_name(int(senders[strongest]), int(receivers[strongest]))
    x, y = page.evaluate(
        """name => { const { points: p } = viewer.edges.find((edge) => edge.name === name);
        return [(p[0] + p[2]) / 2 * viewer.zoom + viewer.offset[0], (p[1] + p[3]) / 2 * viewer.zoom + viewer.offset[1]]; }""",
        name,
    )  # half-way along its first piece, which is symmetrical
    canvas = page.locator("canvas").bounding_box()
    page.mouse.move(canvas["x"] + x, canvas["y"] + y)
    assert page.locator(".details h2").inner_text() == name
