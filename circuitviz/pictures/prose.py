"""What a paper says of a circuit, in words and BibTeX, so that nobody retypes a number."""

from __future__ import annotations

import re

from circuitviz.errors import InputError
from circuitviz.resources import resource
from circuitviz.session import Document

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
    versions = [f"{name} {number}" for name, number in sorted(where.versions.items())]
    if versions:
        said.append(f"Computed with {', '.join(versions)}.")
    return " ".join(said)


def bibtex(document: Document) -> str:
    """The entries of what the document's method and task cite, and of TransformerLens."""
    from circuitviz.discovery import methods
    from circuitviz.tasks import tasks

    where = document.state.provenance
    wanted = {("Nanda", "2022")}
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
