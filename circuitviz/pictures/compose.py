"""From a document and a person's choices to one drawing, with what reproduces it."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from circuitviz.canvas.picture import picture_of
from circuitviz.canvas.theme import DARK, LIGHT
from circuitviz.errors import InputError
from circuitviz.graph.names import last_part
from circuitviz.graph.scores import IMPORTED
from circuitviz.pictures.classes import arrows_of, draw_classes, groups_of
from circuitviz.pictures.drawing import Drawing, Text
from circuitviz.pictures.figure import Figure
from circuitviz.pictures.heads import draw_heads
from circuitviz.pictures.ink import Ink, colours_of
from circuitviz.pictures.legend import draw_legend
from circuitviz.pictures.measure import choose_font, wrapped
from circuitviz.session import Document
from circuitviz.session.places import portable
from circuitviz.session.question import DIFFERENCE, Question
from circuitviz.session.words import graph_source

MARGIN = 3.0


def draw(document: Document, figure: Figure) -> Drawing:
    """Draw a document's circuit; InputError where there is nothing to draw or no such font."""
    state, theme = document.state, DARK if figure.dark else LIGHT
    if state.circuit is None or not state.circuit.n_nodes:
        raise InputError("There is no circuit to draw yet; find one first.")
    ink = Ink(theme, figure.transparent, colours_of(state), figure.font_size)
    inner = Drawing(figure.width - 2 * MARGIN, 0.0, "", choose_font(figure.font))
    size = figure.font_size
    if figure.view == "class":
        y = draw_classes(inner, state, ink, size, figure.least)
    else:
        picture = picture_of(state, figure.layout, figure.most_edges)
        y = draw_heads(inner, picture, ink, size)
    if figure.legend:
        y += 1.4 * size
        y += draw_legend(inner, ink, y, size, strongest(document, figure), state.sign)
    if figure.caption:
        y += 0.6 * size
        room = 0.94 * inner.width  # LaTeX's own sans serif is wider than the shipped one
        for line in wrapped(caption(document, figure), figure.font, size, room):
            y += 1.3 * size
            inner.words.append(Text(0.0, y, line, size, theme.text))
        y += 0.4 * size
    inner.width, inner.height = figure.width, y + 2 * MARGIN
    inner.ground = "" if figure.transparent else ink.ground
    inner.shift(MARGIN, MARGIN)
    return inner


def strongest(document: Document, figure: Figure) -> float:
    """The |score| that the widest line stands for."""
    state = document.state
    assert state.circuit is not None
    if figure.view == "class" and state.live is not None:
        arrows = arrows_of(state, state.live, groups_of(state, state.live), figure.least)
        return max((abs(a.score) for a in arrows), default=0.0)
    if state.scores is None:
        return 1.0
    return float(np.abs(state.scores.values[state.circuit.edges]).max(initial=0.0))


def caption(document: Document, figure: Figure) -> str:
    """Model, task, method, metric, size and faithfulness in a sentence or two."""
    state, numbers, where = document.state, document.evaluation, document.state.provenance
    parts = []
    if (question := Question.of(where)) is not None:
        parts.append(said_of(question))
    elif where is not None:
        came = "read from a file" if where.method == IMPORTED else f"found with {where.method}"
        model, task = last_part(where.model), last_part(where.task)
        parts.append(f"Circuit of {model} on {task}, {came} ({where.metric})")
    elif state.scores is not None and (source := graph_source(state.scores.info)):
        parts.append(source)
    live = state.live
    if live is not None:
        parts.append(f"{live.n_edges:,} of {live.graph.n_edges:,} edges, {live.n_nodes} nodes")
    value = numbers["faithfulness"] if numbers else None
    if value and isinstance(value.get("value"), float):
        text = f"faithfulness {value['value']:.3f}"
        if value.get("low") is not None and value.get("high") is not None:
            text += f" [{value['low']:.3f}, {value['high']:.3f}]"
        parts.append(text)
    said = "; ".join(parts) + "."
    if figure.view == "class" and live is not None:
        shown = {n for group in groups_of(state, live) for n in group.nodes}
        left = [n for n in live.node_names if n not in shown]
        if left:
            said += f" {len(left)} nodes without a label are not shown."
        what = "sum the scores of" if state.scores is not None else "count the"
        said += f" Arrow widths {what} edges between classes; arrows below "
        said += f"{figure.least:.0%} of the strongest are left out."
    elif live is not None and state.circuit is not None and state.circuit.n_edges > figure.most_edges:
        said += f" The {figure.most_edges:,} strongest edges are drawn."
    return said


def said_of(question: Question) -> str:
    """What a circuit of features explains, on which prompt, and how it was traced."""
    asked = {"": "the likely next tokens", DIFFERENCE: "the logit difference"}
    what = asked.get(question.target, f"“{question.target.strip()}”")
    tau = "" if question.tau is None else f" ({question.gate}, τ {question.tau:.3g})"
    model = last_part(question.model)
    return f"What {what} of {model} comes from on “{question.prompt}”, by {question.method}{tau}"


def provenance(document: Document, figure: Figure, name: str) -> tuple[str, ...]:
    """Lines for a file's metadata: the commands that make it again, and what they rest on."""
    found, *rests = origin(document) if document.state.provenance is not None else ("", *origin(document))
    source = shlex.quote(source_of(document))
    export = f"circuitviz export {source} -o {shlex.quote(name)} {figure.flags()}"
    return tuple(line for line in (found, export.rstrip(), *rests) if line)


def origin(document: Document) -> tuple[str, ...]:
    """The command that finds a document's circuit, where one did, and what that rests on."""
    state, where = document.state, document.state.provenance
    lines = [f"document {state.hash}"]
    if where is not None:
        where = portable(where, document.path.parent if document.path else None)
        lines.insert(0, f"{where.command()} -o {shlex.quote(source_of(document))}")
        lines.append(f"model {where.model}, weights {where.weight_hash}")
        lines.append(f"task {where.task}, {where.prompts} prompts, {where.task_hash}, seed {where.seed}")
        lines += [f"{package} {version}" for package, version in sorted(where.versions.items())]
    return tuple(lines)


def source_of(document: Document) -> str:
    """The name by which a document is opened again; a reference that ships has one of its own."""
    told = document.extra.get("reference", {})
    return document.path.name if document.path else str(told.get("reference") or "circuit.circuit")


def title(document: Document) -> str:
    """The file's name, without its folder."""
    return Path(document.path).stem if document.path else "circuit"
