"""What was done to a circuit as a script: it finds the circuit again, changes it and measures it.

Only names of ``circuitviz`` itself are used. Every text and number of the document stands in the script as a
literal, so that a file that somebody else wrote cannot put code into it.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from circuitviz import tasks
from circuitviz.document import Document, Label, State, TaskOrigin
from circuitviz.errors import InputError
from circuitviz.graph import Intervention

HEADER = ["# Repeats what was done in circuitviz.", "import circuitviz as cv", ""]
MEASURE = [
    "",
    "evaluation = cv.open(document, model=model).evaluate()",
    "print(evaluation.faithfulness, document.state.live_circuit)",
    '# cv.save_document(document, "repeated.circuit")',
    "",
]


def python_script(document: Document) -> str:
    """Write the script.

    A circuit that was searched on a task is searched again. Any other, of a prompt's features or of another
    tool's file, is read from the document's file.

    Args:
        document: The document; tests of labels are not repeated.

    Raises:
        InputError: There is no circuit, or it would have to be read from a file and is not saved.
    """
    state, origin = document.state, document.state.origin
    if state.circuit is None:
        raise InputError("There is no circuit whose making could be repeated; find or open one first.")
    if isinstance(origin, TaskOrigin) and not origin.is_imported and state.scores is not None:
        return "\n".join([*HEADER, *_search_lines(origin, state), *_change_lines(state), *MEASURE])
    if document.path is None or document.is_dirty:
        raise InputError(
            "A script reads this circuit from its file, because no search over a task leads to it; save the "
            "document first."
        )
    path = literal(str(document.path.absolute()))
    return "\n".join([*HEADER, f"opened = cv.open({path})", "print(opened.evaluate().faithfulness)", ""])


def _search_lines(origin: TaskOrigin, state: State) -> list[str]:
    """Model, task, scores and the choice of edges."""
    model = f"cv.load_model({literal(origin.model)}, dtype={literal(origin.dtype)})"
    setting = {"metric": origin.metric, "ablation": origin.ablation}
    by_span = {"by_span": True} if origin.by_span else {}
    given = keywords({**setting, **by_span, **origin.options})
    scores = f"cv.discover(model, task, {literal(origin.method)}, {given})"
    chosen: dict[str, object] = {"select": origin.select}
    chosen |= {} if origin.requested is None else {"requested": origin.requested}
    where = keywords({**setting, **chosen, "task_name": origin.task})
    return [
        f"model = {model}",
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
    return lines


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
    return f"cv.Label({literal(label.text)}, {keywords(given)})"


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
