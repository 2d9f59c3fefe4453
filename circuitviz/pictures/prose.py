"""What a paper says of a circuit, in words and BibTeX, so that nobody retypes a number."""

from __future__ import annotations

import re

from circuitviz.errors import InputError
from circuitviz.resources import resource
from circuitviz.session import Document, Provenance
from circuitviz.session.question import DIFFERENCE, DIRECT, GRAPH, HIERARCHICAL, Question

_GATED = {"signed": "attribution", "absolute": "|attribution|"}
OF_FEATURES = {
    HIERARCHICAL: {("Ge", "2024"), ("Dunefsky", "2024")},
    DIRECT: {("Dunefsky", "2024")},
    GRAPH: {("Ameisen", "2025")},
}
CITED = re.compile(r"([A-Z][\w-]+)(?: et al\.| and [A-Z]\w+)? (\d{4})")


def _short(weight_hash: str) -> str:
    return weight_hash.rpartition(":")[2][:12]


def methods_paragraph(document: Document) -> str:
    """Model, task, n, method, metric, ablation, and faithfulness with its interval where measured."""
    state, where, numbers = document.state, document.state.provenance, document.evaluation
    if where is None or state.live is None or state.circuit is None:
        raise InputError(
            "This circuit does not say how it was found, so there is nothing to write about it; "
            "find a circuit, or open a .circuit file."
        )
    if (question := Question.of(where)) is not None:
        return " ".join([*_traced(document, question, where), *_versions(where)])
    chosen = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in where.options.items())
    said = [
        f"We searched for the circuit of {where.model} (weights SHA-256 {_short(where.weight_hash)}…) on the "
        f"task {where.task} with {where.method}{f' ({chosen})' if chosen else ''} over {where.prompts:,} "
        f"pairs of clean and corrupted prompts (seed {where.seed}), with {where.metric} as metric and "
        f"{where.ablation} ablation.",
        f"Selection by '{where.select}' left {state.circuit.n_edges:,} of "
        f"{state.circuit.graph.n_edges:,} edges between {state.circuit.n_nodes:,} nodes.",
    ]
    if state.live != state.circuit:
        said.append(
            f"{state.circuit.n_edges - state.live.n_edges:,} of these edges were then removed by hand, "
            f"which left {state.live.n_edges:,}."
        )
    if numbers is not None and (value := numbers["faithfulness"].get("value")) is not None:
        told, setting = numbers["faithfulness"], numbers.get("setting", {})
        if told.get("low") is not None and told.get("high") is not None:
            told_range = f" (95 % bootstrap interval {told['low']:.3f} to {told['high']:.3f})"
        else:
            told_range = ""
        said.append(
            f"The circuit's faithfulness, 1 for the whole model and 0 for everything ablated, is "
            f"{value:.3f}{told_range} over {setting.get('prompts', where.prompts):,} prompts."
        )
    return " ".join([*said, *_versions(where)])


def _traced(document: Document, question: Question, where: Provenance) -> list[str]:
    """What was asked of a prompt, what was kept of its nodes, and where the target's value comes from."""
    state = document.state
    assert state.circuit is not None
    info = {} if state.scores is None else state.scores.info
    asked = {"": "the likely next tokens", DIFFERENCE: "the logit difference"}
    what = asked.get(question.target, f"'{question.target.strip()}'")
    sites = "all sites with a dictionary" if question.sites is None else ", ".join(question.sites)
    said = [
        f"We traced {what} of {where.model} (weights SHA-256 {where.weight_hash[:12]}…) on the prompt "
        f"'{question.prompt}' with {where.method}, through features of {sites}; attention patterns and "
        "normalisation scales were frozen."
    ]
    size = f"{state.circuit.n_nodes:,} nodes and {state.circuit.n_edges:,} edges"
    if question.is_graph:
        said.append(
            f"Nodes to {question.node_share:.0%} and edges to {question.edge_share:.0%} of the influence "
            f"were kept: {size}; replacement score {info.get('replacement_score', 0.0):.3f}, completeness "
            f"score {info.get('completeness_score', 0.0):.3f}."
        )
        return said
    said.append(f"A threshold of {question.tau:.3g} on {_GATED[question.gate]} kept {size}.")
    if ledger := info.get("ledger"):
        terms = ", ".join(f"{name.replace('_', ' ')} {value:+.3f}" for name, value in ledger.items() if value)
        said.append(f"The target's value of {sum(ledger.values()):.3f} is the sum of {terms}.")
    return said


def _versions(where: Provenance) -> list[str]:
    named = [f"{name} {number}" for name, number in sorted(where.versions.items())]
    return [f"Computed with {', '.join(named)}."] if named else []


def bibtex(document: Document) -> str:
    """The entries of what the document's method and task cite, and of TransformerLens."""
    from circuitviz.discovery import methods
    from circuitviz.tasks import tasks

    where = document.state.provenance
    wanted = {("Nanda", "2022")} | (OF_FEATURES.get(where.method, set()) if where is not None else set())
    for registry, name in ((methods, where.method), (tasks, where.task)) if where is not None else ():
        if name in registry.names():
            wanted |= set(CITED.findall(registry.get(name).reference))
    text = resource("references.bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in re.split(r"\n(?=@)", text)]
    return "\n\n".join(entry for entry in entries if _names(entry) in wanted) + "\n"


def _names(entry: str) -> tuple[str, str]:
    """First author's surname and year."""
    author, year = re.search(r"author = \{([\w-]+)", entry), re.search(r"year = \{(\d+)\}", entry)
    return (author[1] if author else "", year[1] if year else "")
