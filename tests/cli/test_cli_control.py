"""Nothing that a file holds steers the terminal: what every command prints has its control characters written out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import unicodedata
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circuitviz.__main__ import main
from circuitviz.cli.output import escape_invisible
from circuitviz.document import Document, Evidence, Group, Label, State
from circuitviz.document.origin import TaskOrigin
from circuitviz.formats import export_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxt.exe\u2066\r\x08\x7f\ud800\u2028\U000e0041"
ODD = st.text(st.characters(exclude_categories=()) | st.sampled_from(HOSTILE), min_size=1, max_size=8)


def steers(text: str) -> list[str]:
    """Characters that do something to a terminal, or to the order of what it shows; joiners are letters' own."""
    return [
        c
        for c in text
        if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp")
        and c not in "\n\t\u200c\u200d"
        and not "\u0600" <= c <= "\u08ff"
        and ord(c) < 0x110BD
    ]


def said(*argv: object) -> str:
    """All that a command prints, to both streams."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in argv])
    assert code in (0, 1, 2)
    assert "Traceback" not in err.getvalue()
    for stream in (out, err):
        assert not steers(stream.getvalue()), (argv, stream.getvalue())
        stream.getvalue().encode()
    return out.getvalue()


def document(text: str, name: str) -> Document:
    """A circuit of one prompt with a text in every place that has one."""
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=1),
        Node(name, NodeKind.FEATURE, 0, site="m", position=0, feature=1, dictionary=text),
        Node("logit.4@0", NodeKind.LOGITS, position=0, token=4),
    )
    graph = Graph.of_nodes(ModelShape(1, 2, 8), nodes, np.triu(np.ones((2, 3), dtype=bool), 1), 1)
    label = Label(text, note=text, author=text, evidence=(Evidence(text, "answer"),))
    info = {"prompt": {"strings": [text]}, "shown": {"logit.4@0": text}}
    where = TaskOrigin(
        f"no model {text}",
        text,
        text,
        text,
        ((text, text, (text,), (text,)),),
        "logit-diff",
        "zero",
        "eap",
        created=text,
    )
    made = Document(
        State(
            where,
            Scores(graph, graph.mask * 0.5, text, info=info),
            Circuit.full(
                graph,
            ),
            labels={name: label, f"group:{text}": label},
            groups={text: Group(frozenset({name}))},
        )
    )
    made.extra["imported"] = {"file": text, "format": text}
    return made


@given(ODD)
@example(HOSTILE)
@settings(max_examples=300)
def test_what_is_written_out_is_plain_and_json_stays_the_same(text: str) -> None:
    assert not steers(escape_invisible(text))
    written = json.dumps({text: [text]}, ensure_ascii=False)
    assert json.loads(escape_invisible(written)) == json.loads(written)
    if not steers(text):
        assert escape_invisible(text) == text


@given(ODD, ODD)
@example(HOSTILE, HOSTILE)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_command_prints_control_characters_of_a_file(tmp_path: Path, text: str, name: str) -> None:
    file = tmp_path / "a.circuit"
    try:
        save_document(document(text, f"x{name}"), file)
    except Exception:  # a document that cannot be saved cannot be read either
        return
    for argv in (
        ("label", "list", file), ("label", "list", file, "--json"), ("label", "remove", file, name), ("label", "set", file, name, text),
        ("compare", file, file), ("compare", file, file, "--json"), ("evaluate", file), ("inspect", file, "--node", f"x{name}"),
        ("inspect", file, "--node", f"x{name}", "--reading", "lens"), ("export", file, "-o", tmp_path / "a.csv"), ("export", file, "-o", tmp_path / "a.json"),
        ("label", "export", file, "-o", tmp_path / "labels.csv"), ("label", "test", file, "--target", text), ("label", "import", file, tmp_path / "labels.csv"),
        ("discover", "-m", text, "-t", name), ("list", text), (f"x{text}.circuit",), ("intervene", file, "--set", f"{name}=zero"),
    ):  # fmt: skip
        if not any(
            isinstance(word, str) and "\0" in word for word in argv
        ):  # no argument of a process has one
            said(*argv)


@given(ODD.filter(lambda text: not set(text) & {"/", "\0"} and text.strip(". ")))
@example("\x1b[31mred\x1b[0m\n\u202e")
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_command_prints_control_characters_of_a_files_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "f"
    folder.mkdir(exist_ok=True)
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return
    file, other = folder / f"{name}.circuit", folder / f"{name}.graph.json"
    made = document("x", "m0.f1@0")
    save_document(made, file)
    export_document(made, other)
    said("compare", file, other)
    said("export", file, "-o", folder / f"{name}.graphml")
    said("import", other, "-o", folder / f"{name}2.circuit")
    said("import", folder / f"{name}.missing.json", "-o", folder / f"{name}2.circuit")
    said("evaluate", other)
