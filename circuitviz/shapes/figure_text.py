"""What is written about a circuit beside a figure and in its file: caption, title and what makes it again.

Without fonts, so without Qt: web pages say the same.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from circuitviz.document import Document
from circuitviz.document.attribution_query import LOGIT_DIFF_TARGET, AttributionQuery
from circuitviz.document.node_text import describe_graph_source
from circuitviz.document.origin import PromptOrigin
from circuitviz.document.portable_paths import with_portable_paths
from circuitviz.graph.names import display_name
from circuitviz.number_text import decimal_number, interval_text, rounded_number
from circuitviz.scene.class_scene import class_scene
from circuitviz.shapes.figure_options import FigureOptions


def caption(document: Document, figure: FigureOptions) -> str:
    """Model, task, method, metric, size and faithfulness in a sentence or two."""
    state, numbers, origin = document.state, document.evaluation, document.state.origin
    parts = []
    if isinstance(origin, PromptOrigin):
        parts.append(describe_attribution(origin.query))
    elif origin is not None:
        came = "read from a file" if origin.is_imported else f"found with {origin.method}"
        model, task = display_name(origin.model), display_name(origin.task)
        parts.append(f"Circuit of {model} on {task}, {came} ({origin.metric})")
    elif state.scores is not None and (source := describe_graph_source(state.scores.info)):
        parts.append(source)
    live = state.live_circuit
    if live is not None:
        at = "" if live.graph.spans is None else f" at spans ({live.n_component_edges:,} between components)"
        parts.append(f"{live.n_edges:,} of {live.graph.n_edges:,} edges{at}, {live.n_nodes} nodes")
    value = numbers["faithfulness"] if numbers else None
    if value and isinstance(value.get("value"), float):
        text = f"faithfulness {decimal_number(value['value'], 3)}"
        if value.get("low") is not None and value.get("high") is not None:
            text += f" {interval_text(value['low'], value['high'], 3)}"
        parts.append(text)
    caption_text = "; ".join(parts) + "."
    if figure.view == "class" and live is not None:
        nodes = class_scene(state, figure.least).nodes
        shown = {name for node in nodes for name in node.members or (node.name,)}
        left = [n for n in live.node_names if n not in shown]
        if left:
            caption_text += f" {len(left)} nodes without a label are not shown."
        what = "sum the scores of" if state.scores is not None else "count the"
        caption_text += f" Arrow widths {what} edges between classes; arrows below "
        caption_text += f"{figure.least:.0%} of the strongest are left out."
    elif live is not None and state.circuit is not None and state.circuit.n_edges > figure.most_edges:
        caption_text += f" The {figure.most_edges:,} strongest edges are drawn."
    return caption_text


def describe_attribution(query: AttributionQuery) -> str:
    """What a circuit of features explains, on which prompt, and how it was traced."""
    asked = {"": "the likely next tokens", LOGIT_DIFF_TARGET: "the logit difference"}
    what = asked.get(query.target, f"“{query.target.strip()}”")
    tau = "" if query.tau is None else f" ({query.gate}, τ {rounded_number(query.tau, 3)})"
    model = display_name(query.model)
    return f"What {what} of {model} comes from on “{query.prompt}”, by {query.method}{tau}"


def provenance_lines(document: Document, figure: FigureOptions, name: str) -> tuple[str, ...]:
    """Lines for a file's metadata: the commands that make it again, and what they rest on."""
    found, *rests = (
        origin_lines(document) if document.state.origin is not None else ("", *origin_lines(document))
    )
    source = shlex.quote(document_file_name(document))
    export = f"circuitviz export {source} -o {shlex.quote(name)} {figure.to_flags()}"
    return tuple(line for line in (found, export.rstrip(), *rests) if line)


def origin_lines(document: Document) -> tuple[str, ...]:
    """The command that finds a document's circuit, where one did, and what that rests on."""
    state, origin = document.state, document.state.origin
    lines = [f"document {state.hash}"]
    if origin is not None:
        origin = with_portable_paths(origin, document.path.parent if document.path else None)
        lines.insert(0, f"{origin.command_line()} -o {shlex.quote(document_file_name(document))}")
        lines.append(f"model {origin.model}, weights {origin.weight_hash}")
        lines.append(f"task {origin.task}, {origin.prompts} prompts, {origin.task_hash}, seed {origin.seed}")
        lines += [f"{package} {version}" for package, version in sorted(origin.versions.items())]
    return tuple(lines)


def document_file_name(document: Document) -> str:
    """The name by which a document is opened again; a reference that ships has one of its own."""
    reference = document.extra.get("reference", {})
    return document.path.name if document.path else str(reference.get("reference") or "circuit.circuit")


def document_title(document: Document) -> str:
    """The file's name, without its folder."""
    return Path(document.path).stem if document.path else "circuit"
