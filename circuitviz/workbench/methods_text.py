"""What a paper says of a circuit, in words and BibTeX, so that nobody retypes a number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from circuitviz import discovery, tasks
from circuitviz.document import Document, Origin, PromptOrigin, State, TaskOrigin
from circuitviz.document.attribution_query import (
    ATTRIBUTION_GRAPH,
    DIRECT_ATTRIBUTION,
    HIERARCHICAL_ATTRIBUTION,
    LOGIT_DIFF_TARGET,
    AttributionQuery,
)
from circuitviz.document.sample import SAMPLE_TEXTS, sample_of
from circuitviz.dtypes import FULL_DTYPE
from circuitviz.errors import InputError
from circuitviz.graph import TaskCheck
from circuitviz.graph.names import display_name
from circuitviz.graph.scores import SIGN_NOTE_KEY
from circuitviz.resources import resource_path

CITATION = re.compile(r"([A-Z][\w-]+(?: [A-Z][\w-]+)?)(?: et al\.| and [A-Z]\w+)? (\d{4})")
METHOD_SOURCES = {
    HIERARCHICAL_ATTRIBUTION: "Ge et al. 2024",
    DIRECT_ATTRIBUTION: "Dunefsky et al. 2024",
    ATTRIBUTION_GRAPH: "Ameisen et al. 2025",
}
FAITHFULNESS_SOURCE = "Marks et al. 2024"  # faithfulness of a circuit of features
SPAN_SOURCE = "Haklay et al. 2025"
DICTIONARY_SOURCE = "Bloom et al. 2024"  # what reads its dictionaries


def methods_paragraph(document: Document) -> str:
    """Model, task, n, method, metric, ablation, and faithfulness with its interval where measured."""
    state, origin = document.state, document.state.origin
    if origin is None or state.live_circuit is None or state.circuit is None:
        raise InputError(
            "This circuit does not say how it was found, so there is nothing to write about it; "
            "find a circuit, or open a .circuit file."
        )
    whole = state.circuit
    size = f"{whole.n_edges:,} of {whole.graph.n_edges:,} edges between {whole.n_nodes:,} nodes"
    if whole.graph.spans is not None:
        size += f", each at a span of the prompts ({whole.n_component_edges:,} edges between components)"
    match origin:
        case TaskOrigin(is_imported=True):
            sentences = [_import_sentences(origin, state), f"It holds {size}."]
        case TaskOrigin():
            sentences = [
                _search_sentence(origin),
                *_task_check_sentences(state),
                f"Selection by '{origin.select}' left {size}.",
            ]
        case PromptOrigin(query=query):
            sentences = [
                _attribution_sentence(origin),
                f"The circuit holds {size}.",
                *_score_sentences(document, query),
            ]
    if state.live_circuit != whole:
        sentences.append(
            f"{whole.n_edges - state.live_circuit.n_edges:,} of these edges were then removed by hand, "
            f"which left {state.live_circuit.n_edges:,}."
        )
    if state.active_interventions:
        changed = ", ".join(
            f"{name} ({what.description})" for name, what in sorted(state.active_interventions.items())
        )
        sentences.append(f"Outputs were replaced within it: {changed}.")
    numbers = document.evaluation
    if numbers is not None and (value := numbers["faithfulness"].get("value")) is not None:
        sentences.append(_faithfulness_sentence(value, numbers, origin))
    versions = [f"{name} {number}" for name, number in sorted(origin.versions.items())]
    if versions:
        sentences.append(f"Computed with {', '.join(versions)}.")
    return " ".join(sentences)


def methods_with_notes(document: Document) -> str:
    """The methods paragraph, and below it the document's notes."""
    return "\n\n".join(filter(None, (methods_paragraph(document), document.state.notes.strip())))


def _search_sentence(origin: TaskOrigin) -> str:
    """The sentence on a search over a task, with what its method cites."""
    entry = discovery.methods.get(origin.method) if origin.method in discovery.methods.names() else None
    parts = [entry.reference] if entry is not None and entry.reference else []
    parts += [", ".join(_option_text(n, v) for n, v in origin.options.items() if v not in ("", None, [], ()))]
    brackets = "; ".join(filter(None, parts))
    metric_free = entry is not None and bool(entry.extra.get("metric_free"))
    by_span = ""
    if origin.by_span:
        by_span = f" Each edge was scored at each span of the prompts ({SPAN_SOURCE})."
    judged = f"with {origin.metric} as metric and {_ablation_text(origin)}"
    if metric_free:
        judged = f"without a metric; what follows is measured {judged}"
    return (
        f"We searched for the circuit of {_model_text(origin)} on the task {display_name(origin.task)} with "
        f"{origin.method}{f' ({brackets})' if brackets else ''} over {origin.prompts:,} "
        f"{'pair' if origin.prompts == 1 else 'pairs'} of clean and corrupted prompts (seed {origin.seed}), "
        f"{judged}.{by_span}{_skipped_rows_sentence(origin)}"
    )


def _ablation_text(origin: TaskOrigin) -> str:
    """The ablation; of an optimal one how its constants were learned, and their loss beside that of means."""
    constants = origin.constants
    if constants is None:
        return f"{origin.ablation} ablation"
    return (
        f"{origin.ablation} ablation (Li and Janson 2024; constants learned in {constants.steps:,} steps, "
        f"seed {constants.seed}: KL divergence {constants.loss:.3g} with random senders ablated, "
        f"{constants.mean_loss:.3g} with means)"
    )


def _task_check_sentences(state: State) -> list[str]:
    """How well the model does the task, as far as it was checked before the search."""
    check = TaskCheck.of_scores(state.scores)
    if check is None or check.accuracy.value is None:
        return []
    interval = ""
    if check.accuracy.low is not None and check.accuracy.high is not None:
        interval = f" (95 % bootstrap interval {check.accuracy.low:.3f} to {check.accuracy.high:.3f})"
    return [
        f"The model's accuracy on the clean prompts is {check.accuracy.value:.3f}{interval}, where chance is "
        f"{check.chance:.3f}."
    ]


def _import_sentences(origin: TaskOrigin, state: State) -> str:
    """The sentences on a circuit of another tool's file: what it is measured on, and its scores' sign."""
    note = "" if state.scores is None else str(state.scores.info.get(SIGN_NOTE_KEY, ""))
    unknown = "The file does not say whether a positive score helps the metric."
    file = origin.options.get("file", "")
    measured = (
        f"The circuit was read from the file {file} and measured on {_model_text(origin)}, "
        f"the task {origin.task}, {origin.prompts:,} {'pair' if origin.prompts == 1 else 'pairs'} of "
        f"clean and corrupted prompts (seed {origin.seed}), "
        f"with {origin.metric} as metric and {_ablation_text(origin)}."
    )
    return " ".join(filter(None, (measured, note or (unknown if state.sign_meaning == "file" else ""))))


def _skipped_rows_sentence(origin: TaskOrigin) -> str:
    """A sentence on the rows of a task file that could not be used."""
    reasons = origin.task_options.get("left_out") or {}
    rows = sum(reasons.values())
    if not rows:
        return ""
    return f" {rows:,} rows of its file were left out ({', '.join(sorted(reasons))})."


def _attribution_sentence(origin: PromptOrigin) -> str:
    """The sentence on a circuit of features of one prompt (methods.md, Feature level)."""
    query = origin.query
    cite = METHOD_SOURCES[query.method]
    if query.target == LOGIT_DIFF_TARGET:
        target = f"the logit difference of {_quoted(query.correct)} against {_quoted(query.incorrect)}"
    else:
        target = f"the value of {query.target}" if query.target else "the likely logits"
    sites = "all sites that have a dictionary" if query.sites is None else ", ".join(query.sites)
    traced_to = f"features of {sites}"
    if query.neurons:
        neurons = f"the {query.neurons:,} MLP neurons of largest attribution"
        traced_to = f"{traced_to} and {neurons}" if query.needs_dictionaries else f"heads and {neurons}"
    names = ", ".join(PurePath(folder).name for folder in query.dictionaries)
    start = (
        f"We traced {target} in {_model_text(origin)} on the prompt {_quoted([query.prompt])} back to "
        f"{traced_to}{f' (dictionaries {names})' if names and query.needs_dictionaries else ''}, "
        "with attention patterns and LayerNorm scales frozen, "
    )
    if query.is_graph:
        return start + (
            f"as an attribution graph ({cite}); nodes were kept to {query.node_share:g} and edges to "
            f"{query.edge_share:g} of the cumulative influence."
        )
    amount = "the size of their attribution" if query.gate == "absolute" else "their attribution"
    above = "a threshold" if query.tau is None else f"a threshold of {query.tau:.3g}"
    chosen = "" if query.nodes is None else f", chosen for about {query.nodes:,} nodes"
    if query.method == DIRECT_ATTRIBUTION:
        return start + (
            f"by direct attribution ({cite}); nodes were kept where {amount} to the target itself is above "
            f"{above}{chosen}."
        )
    return start + (
        f"by hierarchical attribution ({cite}): attribution is passed on from the target backwards through "
        f"kept nodes only, and nodes were kept where {amount} is above {above}{chosen}."
    )


def _score_sentences(document: Document, query: AttributionQuery) -> list[str]:
    """Where the target's value comes from, or the scores of an attribution graph, as the search told."""
    scores = document.state.scores
    info = {} if scores is None else scores.info
    if query.is_graph and "replacement_score" in info:
        return [
            f"Its replacement score is {info['replacement_score']:.3f}, its completeness score "
            f"{info.get('completeness_score', 0.0):.3f}."
        ]
    ledger = info.get("ledger") or {}
    terms = ", ".join(f"{name.replace('_', ' ')} {value:+.3f}" for name, value in ledger.items() if value)
    return [f"The target's value of {sum(ledger.values()):.3f} is the sum of {terms}."] if terms else []


def _faithfulness_sentence(value: float, numbers: Mapping[str, Any], origin: Origin) -> str:
    """The sentence on faithfulness; an interval only where there were prompts to resample."""
    faithfulness, setting = numbers["faithfulness"], numbers.get("setting", {})
    interval = ""
    if faithfulness.get("low") is not None and faithfulness.get("high") is not None:
        interval = f" (95 % bootstrap interval {faithfulness['low']:.3f} to {faithfulness['high']:.3f})"
    whole = "1 for the whole model and 0 for everything ablated"
    match origin:
        case TaskOrigin():
            prompts, sample = int(setting.get("prompts", origin.prompts)), sample_of(origin)
            return (
                f"The circuit's faithfulness, {whole}, is {value:.3f}{interval} over {prompts:,} "
                f"{'prompt' if prompts == 1 else 'prompts'} ({sample}: {SAMPLE_TEXTS[sample]})."
            )
        case PromptOrigin(query=query):
            return (
                f"Its faithfulness ({FAITHFULNESS_SOURCE}), {whole}, is {value:.3f}{interval} on this "
                f"prompt, with {query.ablation} ablation of the nodes outside and reconstruction errors "
                f"{query.errors}."
            )


def bibtex(document: Document) -> str:
    """The entries of what the document's method and task cite, and of the tools that it rests on."""
    origin = document.state.origin
    wanted = {("Nanda", "2022")}
    for registry, name in (
        ((discovery.methods, origin.method), (tasks.tasks, origin.task)) if origin is not None else ()
    ):
        if name in registry.names():
            wanted |= set(CITATION.findall(registry.get(name).reference))
    if isinstance(origin, TaskOrigin) and origin.by_span:
        wanted |= set(CITATION.findall(SPAN_SOURCE))
    if origin is not None and origin.method in METHOD_SOURCES:
        wanted |= set(CITATION.findall("; ".join([METHOD_SOURCES[origin.method], FAITHFULNESS_SOURCE])))
    state = document.state
    if state.circuit is not None and any(node.feature is not None for node in state.circuit.graph.nodes):
        wanted |= set(CITATION.findall(DICTIONARY_SOURCE))
    text = resource_path("references.bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in re.split(r"\n(?=@)", text)]
    return "\n\n".join(entry for entry in entries if _citation_key(entry) in wanted) + "\n"


def _model_text(origin: Origin) -> str:
    kept = "weights" if origin.dtype == FULL_DTYPE else f"weights kept in {origin.dtype},"
    number = origin.weight_hash.removeprefix("sha256:")[:12]
    return f"{display_name(origin.model)} ({kept} SHA-256 {number}…)"


def _quoted(texts: Sequence[str]) -> str:
    return " or ".join(f"\u201c{text.strip() or text}\u201d" for text in texts)


def _option_text(name: str, value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"{name.replace('_', ' ')} {text}"


def _citation_key(entry: str) -> tuple[str, str]:
    """First author's surname and year."""
    author, year = re.search(r"author = \{([^,}]+)", entry), re.search(r"year = \{(\d+)\}", entry)
    return (author[1] if author else "", year[1] if year else "")
