"""What was done to a circuit as a script: it finds the circuit again, changes it and measures it.

Only names of ``circuitviz`` itself are used. Every text and number of the document stands in the script as a
literal, so that a file that somebody else wrote cannot put code into it.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from circuitviz import tasks
from circuitviz.document import Document, Label, State, TaskOrigin
from circuitviz.document.attribution_query import EDGE_SHARE_SELECTION, AttributionQuery
from circuitviz.document.origin import PromptOrigin
from circuitviz.errors import InputError
from circuitviz.graph import Intervention, SteeringQuery

HEADER = ["# Repeats what was done in circuitviz.", "import circuitviz as cv", ""]
MAX_SCORES = 5000  # of an imported circuit that are written down; of more, those of its edges
EVALUATE = ["", "opened = cv.open(document, model=model)", "evaluation = opened.evaluate()"]
TEST_CLAIMS = [
    "for target, evidence in opened.test_claims():",
    "    print(target, evidence.claim, evidence.outcome.verdict)",
]
END = [
    "print(evaluation.faithfulness, document.state.live_circuit)",
    '# cv.save_document(document, "repeated.circuit")',
    "",
]


def python_script(document: Document) -> str:
    """Write the script: the circuit is found again, changed as it was, measured, and its claims are tested.

    A circuit of another tool stands in the script, with its scores, where it is measured on a task; else it
    is read from the document's file.

    Args:
        document: The document.

    Raises:
        InputError: There is no circuit, or it would have to be read from a file and is not saved.
    """
    state = document.state
    if state.circuit is None:
        raise InputError("There is no circuit whose making could be repeated; find or open one first.")
    match state.origin:
        case PromptOrigin() as origin if state.scores is not None:
            made = _prompt_lines(origin)
        case TaskOrigin() as origin if origin.is_imported:
            made = _imported_lines(origin, state)
        case TaskOrigin() as origin if state.scores is not None:
            made = _search_lines(origin, state)
        case _:
            return _read_file(document)
    has_claims = any(label.evidence for label in state.labels.values())
    tests = TEST_CLAIMS if has_claims else []
    return "\n".join([*HEADER, *made, *_change_lines(state), *EVALUATE, *tests, *END])


def _read_file(document: Document) -> str:
    if document.path is None or document.is_dirty:
        raise InputError(
            "A script reads this circuit from its file, because it is measured on no model and task; save "
            "the document first."
        )
    path = literal(str(document.path.absolute()))
    return "\n".join([*HEADER, f"opened = cv.open({path})", "print(opened.evaluate().faithfulness)", ""])


def _model_line(origin: TaskOrigin | PromptOrigin) -> str:
    return f"model = cv.load_model({literal(origin.model)}, dtype={literal(origin.dtype)})"


def _prompt_lines(origin: PromptOrigin) -> list[str]:
    """Model, query and the circuit that answers it."""
    query, default = origin.query, AttributionQuery("", "")
    names = [field.name for field in fields(query)]
    given = {name: getattr(query, name) for name in names if getattr(query, name) != getattr(default, name)}
    if query.nodes is not None and not query.is_graph:
        given.pop("tau", None)  # it is computed from the number of nodes
    lines = [
        _model_line(origin),
        f"query = cv.AttributionQuery({keywords(given)})",
        "document = cv.find_prompt_circuit(query, model)",
    ]
    if origin.select != EDGE_SHARE_SELECTION and origin.requested is not None:
        rule = f"{literal(origin.select)}, {literal(int(origin.requested))}"
        lines.append(f"circuit = document.state.scores.select({rule})")
        lines.append(_apply("select_edges", "circuit", rule))
    return lines


def _imported_lines(origin: TaskOrigin, state: State) -> list[str]:
    """Model, task and the edges of the file, with their scores."""
    assert state.circuit is not None
    where: dict[str, object] = {"metric": origin.metric, "ablation": origin.ablation}
    where |= {name: origin.options[name] for name in ("file", "sign") if name in origin.options}
    where |= {"task_name": origin.task}
    names = [f"    {literal(name)}," for name in state.circuit.edge_names]
    lines = [_model_line(origin), *_task_lines(origin), "edges = [", *names, "]"]
    lines.append("circuit = cv.Circuit.from_names(model.graph, edges)")
    if state.scores is not None:
        is_scored = state.scores.values != 0
        kept = is_scored if is_scored.sum() <= MAX_SCORES else is_scored & state.circuit.edges
        values = [
            f"    {literal(state.scores.graph.edge_name(row, column))}: "
            f"{literal(float(state.scores.values[row, column]))},"
            for row, column in np.argwhere(kept).tolist()
        ]
        given = keywords({"info": dict(state.scores.info)})
        lines += ["values = {", *values, "}"]
        lines.append(
            f"scores = cv.Scores.from_names(model.graph, values, {literal(state.scores.method)}, {given})"
        )
    scores = "None" if state.scores is None else "scores"
    lines.append(f"document = cv.make_imported_document(model, task, circuit, {scores}, {keywords(where)})")
    return lines


def _search_lines(origin: TaskOrigin, state: State) -> list[str]:
    """Model, task, scores and the choice of edges."""
    setting = {"metric": origin.metric, "ablation": origin.ablation}
    by_span = {"by_span": True} if origin.by_span else {}
    given = keywords({**setting, **by_span, **origin.options})
    scores = f"cv.discover(model, task, {literal(origin.method)}, {given})"
    chosen: dict[str, object] = {"select": origin.select}
    chosen |= {} if origin.requested is None else {"requested": origin.requested}
    where = keywords({**setting, **chosen, "task_name": origin.task})
    return [
        _model_line(origin),
        *_task_lines(origin),
        f"scores = {scores}",
        *_choice_lines(origin, state),
        f"document = cv.make_document(model, task, scores, circuit, {where})",
    ]


def _task_lines(origin: TaskOrigin) -> list[str]:
    """The task by its name or file; its prompts themselves where they have neither."""
    is_built_in = origin.task in tasks.tasks.names()
    if is_built_in or Path(origin.task).is_file():
        given: dict[str, object] = {"prompts": origin.prompts, "seed": origin.seed}
        given |= {} if origin.bos is None else {"bos": origin.bos}
        given |= {"skip_unusable": True} if origin.task_options.get("left_out") else {}
        if is_built_in:
            given |= {name: value for name, value in origin.task_options.items() if name != "left_out"}
        return [f"task = cv.load_task({literal(origin.task)}, model, {keywords(given)})"]
    rows = [f"    cv.Pair({', '.join(literal(part) for part in pair)})," for pair in origin.pairs]
    given = {"metric": origin.metric, "seed": origin.seed, "bos": origin.bos}
    return [
        "pairs = [",
        *rows,
        "]",
        f"task = cv.Task.from_pairs({literal(origin.task)}, pairs, model.tokens, {keywords(given)})",
    ]


def _choice_lines(origin: TaskOrigin, state: State) -> list[str]:
    """The rule by which edges were chosen, or their names where no rule gives them."""
    assert state.scores is not None and state.circuit is not None
    amount = origin.requested if origin.requested is not None else 0
    try:
        is_by_rule = np.array_equal(state.scores.select(origin.select, amount).edges, state.circuit.edges)
    except InputError:
        is_by_rule = False
    if is_by_rule:
        number = int(amount) if float(amount).is_integer() else amount
        return [f"circuit = scores.select({literal(origin.select)}, {literal(number)})"]
    names = [f"    {literal(name)}," for name in state.circuit.edge_names]
    return ["edges = [", *names, "]", "circuit = cv.Circuit.from_names(scores.graph, edges)"]


def _change_lines(state: State) -> list[str]:
    """What was ablated, changed, grouped, labelled and noted, each as a command."""
    lines: list[str] = []
    for name, group in state.groups.items():
        given = keywords({"collapsed": True}) if group.collapsed else ""
        lines.append(_apply("group_nodes", literal(name), literal(sorted(group.nodes)), given))
    for node, intervention in sorted(state.interventions.items()):
        lines.append(_apply("set_intervention", literal([node]), _intervention(intervention)))
    if state.ablated_nodes or state.ablated_edges:
        nodes, edges = sorted(state.ablated_nodes), sorted(state.ablated_edges)
        lines.append(_apply("toggle_ablation", f"nodes={literal(nodes)}", f"edges={literal(edges)}"))
    for target, label in state.labels.items():
        lines.append(_apply("set_label", literal(target), _label(label)))
    if state.notes:
        lines.append(_apply("set_notes", literal(state.notes)))
    for result in state.steering:
        lines += _steering_lines(result.query, None if state.origin is None else state.origin.model)
    return lines


def _steering_lines(query: SteeringQuery, open_model: str | None) -> list[str]:
    """A query about steering is asked again, and its answer recorded."""
    changes = ", ".join(f"{literal(n)}: {_intervention(change)}" for n, change in query.changes.items())
    given = {item.name: getattr(query, item.name) for item in fields(query) if item.name != "changes"}
    default = SteeringQuery("", "", query.changes)
    given = {name: value for name, value in given.items() if value != getattr(default, name)}
    model = ", model" if query.model == open_model else ""
    return [
        f"query = cv.SteeringQuery(changes={{{changes}}}, {keywords(given)})",
        _apply("add_steering", f"cv.steer(query{model})"),
    ]


def _apply(command: str, *arguments: str) -> str:
    return f"document.apply_command(cv.{command}({', '.join(filter(None, arguments))}))"


def _intervention(intervention: Intervention) -> str:
    given: dict[str, object] = {"amount": intervention.amount}
    given |= {"positions": intervention.positions} if intervention.positions else {}
    return f"cv.Intervention({literal(intervention.value)}, {keywords(given)})"


def _label(label: Label) -> str:
    given: dict[str, object] = {"colour": label.colour}
    given |= {
        name: value
        for name, value in (("note", label.note), ("confidence", label.confidence), ("author", label.author))
        if value not in ("", None)
    }
    claims = [
        f"cv.Evidence({literal(one.claim)}, {literal(one.test)}, {literal(dict(one.options))})"
        for one in label.evidence
    ]
    evidence = f", evidence=({', '.join(claims)},)" if claims else ""
    return f"cv.Label({literal(label.text)}, {keywords(given)}{evidence})"


def keywords(values: Mapping[str, object]) -> str:
    """Values as keyword arguments; names that are none are passed in a dictionary.

    >>> keywords({"steps": 5, "rule": "left", "of x": 1})
    'steps=5, rule="left", **{"of x": 1}'
    """
    plain = {n: v for n, v in values.items() if _is_keyword_name(n)}
    others = {n: v for n, v in values.items() if n not in plain}
    parts = [f"{name}={literal(value)}" for name, value in plain.items()]
    return ", ".join([*parts, *([f"**{literal(others)}"] if others else [])])


def literal(value: object) -> str:
    r"""A value as Python writes it, texts in double quotes where they hold none.

    >>> literal("a 'b'"), literal([1, 0.5, None]), literal(("x",))
    ('"a \'b\'"', '[1, 0.5, None]', '("x",)')

    Args:
        value: A text, a number, a truth value, None, or lists, tuples and dictionaries of such.

    Raises:
        InputError: It is anything else.
    """
    match value:
        case bool() | int() | None:
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        case str():
            return _quote(value)
        case Mapping():
            return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
        case tuple():
            return f"({_join(value)}{',' if len(value) == 1 else ''})"
        case list():
            return f"[{_join(value)}]"
    raise InputError(f"A value of the type {type(value).__name__} cannot be written into a script.")


def _join(values: Iterable[object]) -> str:
    return ", ".join(map(literal, values))


def _quote(text: str) -> str:
    quoted = repr(text)
    if quoted.startswith("'") and '"' not in quoted:
        return '"' + quoted[1:-1].replace("\\'", "'") + '"'
    return quoted


def _is_keyword_name(name: str) -> bool:
    """Whether Python takes it as it is: names of other letters are normalised."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
