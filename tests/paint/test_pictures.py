"""Exported pictures: text stays text, nothing becomes a bitmap, the same twice, every colour explained."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pdf_structure import pdf_structure, picture_content
from PySide6.QtCore import QHashSeed

from circuitviz.document import Document, Group, Label, State, TaskOrigin
from circuitviz.document.groups import expanded_groups
from circuitviz.draw.registry import figure_formats
from circuitviz.draw.tikz import escape_latex
from circuitviz.errors import InputError
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.interventions import Intervention
from circuitviz.options import build_options, describe_options
from circuitviz.paint import make_figure_page, save_figure
from circuitviz.scene.build_scene import build_scene
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.drawing import BoxShape, CurveShape, TextShape, used_colours
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.text_metrics import text_width

GRAPH = Graph.transformer(ModelShape(3, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
WHERE = TaskOrigin(
    "demo", "ab" * 32, "ioi", "cd" * 32, (), "logit-diff", "corrupted", "eap-ig", {"steps": 5}, requested=60,
    prompts=64, versions={"torch": "2.9"},
)  # fmt: skip
LABELS = {
    "a0.h1": Label("Duplicate Token"),
    "a1.h0": Label("S-Inhibition"),
    "a1.h2": Label("S-Inhibition"),
    "a2.h0": Label("Name Mover", "#aa3300"),
    "m1": Label("writes_50% & more"),
}
STATE = State(WHERE, SCORES, SCORES.greedy(60), frozenset({"m0"}), labels=LABELS)
PAPER = FigureOptions(view="class", width_mm=84, font_size=7, caption=True)
pytestmark = pytest.mark.usefixtures("qapp")


def kinds_and_texts(path: Path) -> tuple[list[str], set[str]]:
    root = ET.parse(path).getroot()
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    return kinds, {"".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text")}


def test_svg_holds_text_and_paths_and_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save_figure(Document(STATE), path)
    kinds, texts = kinds_and_texts(path)
    assert "image" not in kinds
    assert set(STATE.circuit.node_names) <= texts and set(STATE.nodes_by_label) <= texts
    assert kinds.count("path") >= STATE.circuit.n_edges


def test_pdf_embeds_its_font_and_holds_text_and_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    save_figure(Document(STATE), path, FigureOptions(dark=True))
    data = path.read_bytes()
    assert data.startswith(b"%PDF") and b"/FontFile" in data and b"LiberationSans" in data
    shown = pdf_structure(data)
    assert shown.images == 0 and shown.fonts == ("LiberationSans",)
    letters = sum(
        len(s.text)
        for s in draw_figure(Document(STATE), FigureOptions(dark=True)).shapes
        if isinstance(s, TextShape)
    )
    assert shown.letters == letters > 100
    assert sum(line.endswith((" S", "S", "f", "B")) for line in shown.drawing) >= STATE.circuit.n_edges
    assert shown.page[0] == pytest.approx(171.45 / 25.4 * 72, abs=0.5)
    assert shown.title == make_figure_page(Document(STATE), FigureOptions(dark=True), path.name).title
    assert "circuitviz export" in shown.about


def test_png_is_drawn_at_its_resolution_and_transparent_where_asked(tmp_path: Path) -> None:
    from PySide6.QtGui import QImage

    path = tmp_path / "a.png"
    save_figure(Document(STATE), path, FigureOptions(transparent=True, dpi=200))
    image = QImage(str(path))
    seen = {image.pixel(x, y) for x in range(0, image.width(), 5) for y in range(0, image.height(), 5)}
    assert image.width() == round(171.45 / 25.4 * 200) and len(seen) > 20
    assert image.pixelColor(0, 0).alpha() == 0
    assert "circuitviz export" in image.text("Description")
    with pytest.raises(InputError, match="too large"):
        save_figure(Document(STATE), path, FigureOptions(preset="poster", width_mm=2000, dpi=1200))


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png", ".tex"])
@pytest.mark.parametrize(
    "figure", [PAPER, FigureOptions(caption=True), FigureOptions(transparent=True, legend=False)]
)
def test_the_same_document_gives_the_same_picture(tmp_path: Path, suffix: str, figure: FigureOptions) -> None:
    path = tmp_path / f"a{suffix}"
    save_figure(Document(STATE), path, figure)
    first = path.read_bytes()
    later = Document(replace(STATE))
    save_figure(later, path, figure)
    assert picture_content(path.read_bytes()) == picture_content(first)


def test_a_pdf_is_the_same_in_any_time_zone_process_and_order_of_qts_hashes(tmp_path: Path) -> None:
    """But for its dates and numbers: Qt numbers fonts in the order of a hash, and this figure has two."""
    here = tmp_path / "here.pdf"
    document = Document(STATE)
    made = set()
    for _ in range(16):
        QHashSeed.resetRandomGlobalSeed()
        save_figure(document, here, PAPER)
        made.add(pdf_structure(here.read_bytes()))
    assert len(made) == 1 and len(made.pop().fonts) == 2
    save_document(document, tmp_path / "here.circuit")
    flags = ["export", str(tmp_path / "here.circuit"), "-o", str(here), *shlex.split(PAPER.to_flags())]
    exported = set()
    for zone in ("UTC", "Asia/Kathmandu"):
        run = [sys.executable, "-m", "circuitviz", *flags]
        subprocess.run(run, check=True, env={**os.environ, "TZ": zone}, capture_output=True)
        exported.add(pdf_structure(here.read_bytes()))
    assert len(exported) == 1


def test_a_pdfs_objects_are_where_its_table_says_and_its_page_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    save_figure(Document(STATE), path, PAPER)
    data = path.read_bytes()
    table = int(data.rsplit(b"startxref", 1)[1].split()[0])
    assert data[table:].startswith(b"xref")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", data)]
    for number, place in enumerate(places, 1):
        assert data[place:].startswith(b"%d 0 obj" % number)
    assert {int(n) for n in re.findall(rb"\b(\d+) 0 R", data[table:])} <= set(range(1, len(places) + 1))
    left, low, right, high = map(float, re.search(rb"/MediaBox \[([^]]*)\]", data)[1].split())
    drawing = draw_figure(Document(STATE), PAPER)
    assert (right - left, high - low) == pytest.approx((drawing.width, drawing.height), abs=1e-3)
    assert drawing.width == pytest.approx(84 / 25.4 * 72)


@pytest.mark.parametrize(
    "figure", [PAPER, FigureOptions(), replace(PAPER, dark=True), FigureOptions(layout="grid", dark=True)]
)
def test_every_drawn_colour_is_in_the_legend(figure: FigureOptions) -> None:
    drawing = draw_figure(Document(STATE), figure)
    drawn, explained = used_colours(drawing.body), used_colours(drawing.legend)
    assert drawn and drawn == explained
    words = {shape.text for shape in drawing.legend if isinstance(shape, TextShape)}
    assert set(STATE.nodes_by_label) <= words
    assert sum(word.startswith("|score|") for word in words) == 3
    assert draw_figure(Document(STATE), replace(figure, legend=False)).legend == []


def test_labels_of_one_colour_are_told_apart() -> None:
    drawing = draw_figure(Document(STATE), PAPER)
    lines = {
        s.role: s.line_colour for s in drawing.body if isinstance(s, BoxShape) and s.role.startswith("class")
    }
    assert len(lines) == len(set(lines.values())) == 4 and "#aa3300" in lines.values()


def test_the_class_view_says_what_the_scores_say() -> None:
    """Arrows against sums made edge by edge; the weakest left out, the ablated not counted."""
    from circuitviz.scene.class_scene import class_scene

    live, scene = STATE.live_circuit, class_scene(STATE, 0.5)
    names = {node: box.name for box in scene.nodes for node in box.members or (box.name,)}
    sums: dict[tuple[str, str, str], float] = {}
    for edge in live.edge_names:
        sender, _, receiver = edge.partition("->")
        node, channel = (receiver[:-3], receiver[-2]) if receiver.endswith(">") else (receiver, "")
        if sender in names and node in names and names[sender] != names[node]:
            key = (names[sender], names[node], channel)
            sums[key] = sums.get(key, 0.0) + float(SCORES.values[GRAPH.edge(edge)])
    most = max(map(abs, sums.values()))
    wanted = {key: value for key, value in sums.items() if abs(value) >= 0.5 * most}
    got = {(edge.sender, edge.receiver, edge.channel): edge.score for edge in scene.edges}
    assert got == pytest.approx(wanted) and len(wanted) < len(sums)


def test_the_class_view_draws_groups_before_labels(tmp_path: Path) -> None:
    """A group's box takes its nodes from their labels' boxes; a nested group is within its outer one."""
    nodes = frozenset({"a1.h0", "a0.h1"})
    groups = {"Early": Group(nodes, "#117733"), "Inner": Group(frozenset({"a0.h1"}))}
    path = tmp_path / "a.svg"
    save_figure(Document(replace(STATE, groups=groups)), path, PAPER)
    _, texts = kinds_and_texts(path)
    assert {"Early", "0.1, 1.0", "1.2", "Name Mover"} <= texts and not {"Inner", "Duplicate Token"} & texts
    assert "#117733" in path.read_text()


@given(st.integers(0, 500), st.integers(1, 400), st.sampled_from([84.0, 60.0, 171.45]), st.booleans())
@example(0, 321, 60.0, True)  # many arrows through one gap
@example(52, 274, 60.0, True)
@settings(max_examples=25, deadline=None)
def test_boxes_lie_on_the_page_and_not_on_each_other(seed: int, edges: int, mm: float, classes: bool) -> None:
    graph = Graph.transformer(ModelShape(4, 12, 16))
    pick = np.random.default_rng(seed)
    scores = Scores(graph, pick.normal(size=graph.mask.shape), "eap")
    circuit = scores.greedy(edges)
    labels = {n: Label(f"Class {pick.integers(6)}") for n in circuit.node_names if pick.random() < 0.6}
    labels.setdefault(circuit.node_names[-1], Label("End"))
    state = State(None, scores, circuit, labels=labels)
    drawing = draw_figure(Document(state), FigureOptions(view="class" if classes else "head", width_mm=mm))
    boxes = [shape for shape in drawing.body if isinstance(shape, BoxShape)]
    for i, a in enumerate(boxes):
        assert a.x >= 0 and a.x + a.width <= drawing.width and a.y >= 0 and a.y + a.height <= drawing.height
        for b in boxes[:i]:
            beside = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert beside or a.y + a.height <= b.y or b.y + b.height <= a.y
    for shape in drawing.shapes:
        if isinstance(shape, TextShape):
            left = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor]
            wide = text_width(shape.text, drawing.font, shape.size, shape.bold)
            left = shape.x - left * wide
            assert left >= -0.1 and left + wide <= drawing.width + 0.1 and shape.size >= 6
        if isinstance(shape, CurveShape):
            assert all(-1 <= x <= drawing.width + 1 for x, _ in shape.points)


def test_the_file_tells_the_commands_that_make_it_again(tmp_path: Path) -> None:
    """What metadata says is parsed by the command line's own parser, and gives the same figure."""
    from circuitviz.cli.parser import parse_arguments

    document = Document(STATE)
    figure = FigureOptions(
        view="class", width_mm=84, font_size=7.5, legend=False, transparent=True, caption=True
    )
    about = make_figure_page(document, figure, "my figure.svg").metadata_lines
    assert about[0].startswith("circuitviz discover -m demo -t ioi --method eap-ig")
    given_ = parse_arguments(shlex.split(about[1])[1:])
    names = [entry.name for entry in describe_options(FigureOptions)]
    chosen = {name: getattr(given_, f"figure_{name}") for name in names}
    again = build_options(FigureOptions, {name: value for name, value in chosen.items() if value is not None})
    assert again == figure and given_.output == Path("my figure.svg")
    for suffix, what in (
        (".svg", b"circuitviz export"),
        (".pdf", b"circuitviz export"),
        (".tex", b"--steps 5"),
    ):
        save_figure(document, tmp_path / f"a{suffix}", figure)
        assert what in (tmp_path / f"a{suffix}").read_bytes()


def test_tikz_compiles_and_its_styles_are_named(tmp_path: Path) -> None:
    path = tmp_path / "figure.tex"
    save_figure(Document(STATE), path, PAPER)
    text = path.read_text(encoding="utf-8")
    used = set(re.findall(r"\\(?:path|draw|fill|node)\[(circuit [\w ]+)", text))
    defined = set(re.findall(r"^\s+(circuit [\w ]+)/\.style", text, re.MULTILINE))
    assert used and used <= defined
    assert text.count("{") == text.count("}") + 0 and r"writes\_50\% \& more" in text
    if shutil.which("pdflatex") is None:
        return  # the structure is checked above
    paper = r"\documentclass{article}\usepackage{tikz}\begin{document}\input{figure}\end{document}"
    (tmp_path / "paper.tex").write_text(paper)
    for name in ("figure", "paper"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
        assert "Missing character" not in done.stdout and (tmp_path / f"{name}.pdf").exists()


def test_signs_that_figures_hold_are_set_in_latex() -> None:
    assert escape_latex("a·b → c ≥ ␣ “x” 5–6") == (
        r"a\ensuremath{\cdot}b \ensuremath{\rightarrow} c \ensuremath{\geq} \textvisiblespace{} ``x'' 5--6"
    )


def test_a_document_of_any_name_gives_a_readable_figure(tmp_path: Path) -> None:
    document = Document(STATE)
    document.path = tmp_path / "not utf-8: \udcff, a bell: \x07.circuit"
    for entry in figure_formats.entries():
        save_figure(document, tmp_path / f"a{entry.value.suffix}")
    kinds_and_texts(tmp_path / "a.svg")


@pytest.mark.parametrize("view", ["head", "class"])
def test_any_label_gives_a_readable_file(tmp_path: Path, view: str) -> None:
    odd = ["", "\x07 bell", "<b>&amp;</b>", "日本語 ✓", "\\end{document} %", "x" * 300, "emoji 🙂"]
    nodes = [n for n in STATE.circuit.node_names if n != "logits"]
    labels = {node: Label(text) for node, text in zip(nodes, odd, strict=False)}
    document = Document(replace(STATE, labels=labels))
    for entry in figure_formats.entries():
        path = tmp_path / f"a{entry.value.suffix}"
        save_figure(document, path, FigureOptions(view=view))
    kinds_and_texts(tmp_path / "a.svg")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    bare = replace(STATE, labels={})
    for state, name, figure, says in (
        (STATE, "a.bmp", FigureOptions(), "no picture's name"),
        (STATE, "no/such/a.svg", FigureOptions(), "no folder"),
        (State(), "a.svg", FigureOptions(), "no circuit to draw"),
        (bare, "a.svg", PAPER, "has a label yet"),
        (STATE, "a.svg", FigureOptions(font="Liberatoin Sans"), "Liberation Sans"),
        (STATE, "a.svg", FigureOptions(width_mm=3), "at least 20 mm"),
    ):
        with pytest.raises(InputError, match=says):
            save_figure(Document(state), tmp_path / name, figure)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("view", ["head", "class"])
def test_a_groups_and_a_classs_labels_are_drawn_and_explained(tmp_path: Path, view: str) -> None:
    group = Group(frozenset({"a1.h1", "a1.h3"}), collapsed=True)
    labels = {
        **LABELS,
        "group:Late": Label("Induction", "#123456"),
        "class:S-Inhibition": Label("S-Inhibition", "#654321"),
        "a0.h1->a1.h1<q>": Label("K-composition"),
    }
    changed = {"a0.h2": Intervention("scale", 0.5)}
    state = replace(STATE, labels=labels, groups={"Late": group}, interventions=changed)
    path = tmp_path / "a.svg"
    save_figure(Document(state), path, replace(PAPER, view=view))
    said = " ".join(kinds_and_texts(path)[1])
    assert "Induction" in said and "Late" in said and "K-composition" not in said
    assert "#123456" in path.read_text()
    if view == "class":
        assert "Late: Induction" in said and "#654321" in path.read_text()


def test_the_figure_in_the_readme_is_made_by_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from circuitviz.__main__ import main

    root = Path(__file__).parents[2]
    readme = (root / "README.md").read_text(encoding="utf-8")
    command = re.search(r"^circuitviz (export ioi-gpt2 .*)$", readme, re.MULTILINE)
    assert command is not None and "resources/screenshots/ioi-gpt2.svg" in readme
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command[1])) == 0
    made = (tmp_path / "ioi-gpt2.svg").read_bytes()
    assert made == (root / "resources" / "screenshots" / "ioi-gpt2.svg").read_bytes()
    assert b'width="84.000mm"' in made and b'font-size="7"' in made and command[0].encode() in made
    sizes = {float(size) for size in re.findall(rb'font-size="([\d.]+)"', made)}
    assert min(sizes) >= 6


def test_a_key_of_widths_counts_edges_where_nothing_is_scored() -> None:
    unscored = replace(STATE, scores=None)
    words = {s.text for s in draw_figure(Document(unscored), PAPER).legend if isinstance(s, TextShape)}
    assert not any(word.startswith("|score|") for word in words)
    assert any(re.fullmatch(r"\d+ edges?", word) for word in words)
    heads = {
        s.text for s in draw_figure(Document(unscored), FigureOptions()).legend if isinstance(s, TextShape)
    }
    assert not any(re.fullmatch(r"\d+ edges?", word) for word in heads)  # all lines are alike


def test_the_key_of_widths_counts_the_sums_that_folded_edges_are() -> None:
    layers = {f"Layer {n}": frozenset(f"a{n}.h{head}" for head in range(4)) for n in range(3)}
    state = replace(STATE, groups={name: Group(heads, collapsed=True) for name, heads in layers.items()})
    most = max(abs(edge.score) for edge in build_scene(state).edges)
    assert most > np.abs(SCORES.values[STATE.circuit.edges]).max()  # of no single edge
    legend = draw_figure(Document(state), FigureOptions()).legend
    assert f"|score| {most:.2g}" in {shape.text for shape in legend if isinstance(shape, TextShape)}


def framed() -> State:
    """Three open groups, one within another, and one that holds the top of the picture."""
    nodes = [name for name in STATE.circuit.node_names if name.startswith("a1")]
    groups = {
        "Late": Group(frozenset({"logits", "m2"}), "#cc79a7"),
        "Whole layer": Group(frozenset(nodes), "#009e73"),
        "A part": Group(frozenset(nodes[:2]), "#d55e00"),
        "Closed": Group(frozenset({"a2.h1", "a2.h2"}), "#56b4e9", collapsed=True),
    }
    return replace(STATE, groups=groups)


def test_open_groups_have_their_frames_in_every_format(tmp_path: Path) -> None:
    state = framed()
    figure = FigureOptions()
    drawing = draw_figure(Document(state), figure)
    boxes = [shape for shape in drawing.body if isinstance(shape, BoxShape)]
    texts = {shape.text: shape for shape in drawing.body if isinstance(shape, TextShape)}
    nodes = {name: text for name, text in texts.items() if name in state.circuit.node_names}
    names = [texts[name] for name in ("Late", "Whole layer", "A part")]
    assert "Closed" in texts  # a box as before, without a frame
    assert {box.role for box in boxes if box.role.startswith("frame")} == {
        f"frame {letter}{line}" for letter in "ABC" for line in ("", " line")
    }
    firsts = [i for i, shape in enumerate(drawing.body) if getattr(shape, "arrow", False)]
    frames = [
        i for i, shape in enumerate(drawing.body) if getattr(shape, "role", "").startswith(("frame", "way"))
    ]
    assert max(frames) < min(firsts)  # below edges and nodes
    wide = state.groups["Whole layer"].nodes & nodes.keys()
    letter = "ABC"[list(expanded_groups(state.groups)).index("Whole layer")]
    ground = [box for box in boxes if box.role == f"frame {letter}"]
    assert len(ground) == len(wide)
    for text in (nodes[name] for name in wide):
        assert any(b.x < text.x < b.x + b.width and b.y < text.y < b.y + b.height for b in ground)
    for one in names:  # on the page, and not over one another
        assert (
            one.y > one.size * 0.7
            and one.x + text_width(one.text, drawing.font, one.size, True) <= drawing.width
        )
        for two in names:
            apart = (
                abs(one.y - two.y) >= one.size
                or one.x + text_width(one.text, drawing.font, one.size, True) < two.x
            )
            assert one is two or apart or two.x + text_width(two.text, drawing.font, two.size, True) < one.x
    explained = {shape.text for shape in drawing.legend if isinstance(shape, TextShape)}
    assert {"Late (group)", "Whole layer (group)", "A part (group)"} <= explained
    assert used_colours(drawing.body) <= used_colours(drawing.legend) | {
        c
        for shape in drawing.body
        if getattr(shape, "role", "").endswith("line")
        for c in used_colours([shape])
    }
    for entry in figure_formats.entries():
        path = tmp_path / f"a{entry.value.suffix}"
        save_figure(Document(state), path, figure)
        first = path.read_bytes()
        save_figure(Document(state), path, figure)
        assert picture_content(path.read_bytes()) == picture_content(first)
    assert "image" not in kinds_and_texts(tmp_path / "a.svg")[0]
    assert {"Late", "Whole layer", "A part"} <= kinds_and_texts(tmp_path / "a.svg")[1]
    tex = (tmp_path / "a.tex").read_text()
    assert "circuit frame A/.style" in tex and "circuit way frame A/.style" in tex
