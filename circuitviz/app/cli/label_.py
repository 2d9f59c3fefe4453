"""``circuitviz label``: say what parts do, test it, carry labels from file to file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitviz.app.cli.label_parser import OPTION
from circuitviz.app.cli.output import drive, number, say, show
from circuitviz.errors import InputError, suggest
from circuitviz.formats.label_rows import colour_of, confidence_of, evidence_dict, row_of
from circuitviz.session import (
    Basis,
    Document,
    Evidence,
    Label,
    add_evidence,
    remove_labels,
    set_label,
    set_labels,
    set_outcome,
)
from circuitviz.session.labels import colour_for, known
from circuitviz.session.outcomes import due, name_movers, outcome_of


def run(given: argparse.Namespace) -> int:
    """Do what the subcommand says; returns the exit code."""
    return ACTIONS[given.action](given)


def _list(given: argparse.Namespace) -> int:
    document = _opened(given)
    state = document.state
    graph = state.circuit.graph if state.circuit else None
    rows = []
    for target, label in sorted(state.labels.items()):
        now = state.basis_of(target)
        evidence = [{**evidence_dict(e), "stale": list(e.stale(now))} for e in label.evidence]
        rows.append({**row_of(target, label, graph), "Evidence": evidence})

    def text() -> str:
        lines = []
        for target, label in sorted(state.labels.items()):
            sure = "" if label.confidence is None else f"  {label.confidence:.0%} sure"
            by = f"  by {label.author}" if label.author else ""
            lines.append(f"{target}  {label.text}{sure}{by}" + (f"  {label.note}" if label.note else ""))
            lines += [f"    {_said(e, e.stale(state.basis_of(target)))}" for e in label.evidence]
        return "\n".join(lines) or "no labels"

    return show(given, rows, text)


def _set(given: argparse.Namespace) -> int:
    with _changing(given) as document:
        state, target, role = document.state, given.target, given.role.strip()
        graph = state.circuit.graph if state.circuit else None
        if not known(graph, target) or not role:
            raise InputError(
                f"The part '{target}' was to be labelled '{given.role}'; a part is a node like a2.h6, an "
                "edge like m0->a2.h6<q>, group:NAME or class:NAME of this circuit's model, and a role is "
                "a text."
            )
        label = state.labels.get(target, Label(role, colour_for(state.labels, role)))
        colour = label.colour if given.colour is None else colour_of(given.colour)
        label = replace(label, text=role, colour=colour, note=given.note or label.note)
        sure = label.confidence if given.confidence is None else confidence_of(given.confidence)
        document.do(set_label(target, replace(label, confidence=sure, author=given.author or label.author)))
    return _saved(given, document, f"{target} is labelled '{role}'")


def _remove(given: argparse.Namespace) -> int:
    with _changing(given) as document:
        _label_of(document, given.target)
        document.do(remove_labels([given.target]))
    return _saved(given, document, f"{given.target} has no label any more")


def _suggest(given: argparse.Namespace) -> int:
    from circuitviz.app.cli.reopen import reopen
    from circuitviz.discovery import setting
    from circuitviz.evaluation.roles import Probe, head_names, percentile, table_steps

    opened = reopen(given, say)
    where = setting(opened.model, opened.task, opened.metric, opened.ablation)
    heads = head_names(opened.model)
    if given.node is not None and given.node not in heads:
        raise InputError(f"'{given.node}' is no head of this model; one like {heads[0]} would be right.")
    probe = Probe(where, name_movers(opened.document.state), 0, given.length)
    table = drive(table_steps(probe), "roles").as_dict()
    rows = []
    for name, found in table["roles"].items():
        scores = {h: v for h, v in found["scores"].items() if v is not None}
        order = sorted(scores, key=lambda h: -scores[h])[: given.top] if given.node is None else [given.node]
        for head in (h for h in order if h in scores):
            rank = percentile(found["scores"], head)
            rows.append(
                {"test": name, "role": found["role"], "head": head, "score": scores[head], "percentile": rank}
            )
    if given.node is not None:
        rows.sort(key=lambda row: -(row["percentile"] or 0.0))

    def text() -> str:
        wide = max((len(row["role"]) for row in rows), default=0)
        lines = [
            f"{row['role']:<{wide}}  {row['head']:<8} {number(row['score'])}  above {row['percentile']:.0f} %"
            for row in rows
        ]
        lines += [f"{name}: {why}" for name, why in table["missing"].items()]
        return "\n".join(lines)

    return show(given, {"rows": rows, "movers": table["movers"], "missing": table["missing"]}, text)


def _test(given: argparse.Namespace) -> int:
    from circuitviz.app.cli.ground import ground
    from circuitviz.evaluation.claims import claim_steps
    from circuitviz.session.trials import claimed, of_features

    tested = []
    with _changing(given) as document:
        wanted = _wanted(given, document)
        if not wanted:
            return show(given, [], lambda: "every claim was tested as things stand; --all tests them again")
        nodes = [name for target, _ in wanted for name in document.state.parts(target)[0]]
        opened = ground(given, document, of_features(nodes))
        for target, evidence in wanted:
            state = document.state
            now = state.basis_of(target)
            basis = Basis(opened.model.weight_hash, opened.task_hash, now.circuit, now.nodes)
            movers, shelf = name_movers(state), opened.dictionaries
            about = claimed(state.parts(target), opened.model, opened.setting, movers, shelf)
            steps = claim_steps(evidence.test, about, **evidence.options)
            outcome = outcome_of(drive(steps, f"{target}: {evidence.claim}"), basis)
            document.do(set_outcome(target, evidence, outcome))
            tested.append((target, replace(evidence, outcome=outcome)))
    return show(
        given,
        [{"target": target, **evidence_dict(evidence)} for target, evidence in tested],
        lambda: "\n".join(f"{target}  {_said(evidence, ())}" for target, evidence in tested),
    )


def _wanted(given: argparse.Namespace, document: Document) -> list[tuple[str, Evidence]]:
    """The claims to be tested; a new one is put to its label first."""
    if given.test is not None:
        if given.target is None:
            raise InputError("--test adds a claim to one label; name it with --target.")
        _label_of(document, given.target)
        evidence = _claim(given)
        document.do(add_evidence(given.target, evidence))
        return [(given.target, evidence)]
    state = document.state
    if given.target is not None:
        _label_of(document, given.target)
    targets = list(state.labels) if given.target is None else [given.target]
    if given.all:
        return [(target, e) for target in targets for e in state.labels[target].evidence]
    return due(state, targets)


def _claim(given: argparse.Namespace) -> Evidence:
    from circuitviz.evaluation.claims import claims
    from circuitviz.options import as_dict, build

    entry = claims.get(given.test)
    flags = {k.removeprefix(OPTION): v for k, v in vars(given).items() if k.startswith(OPTION)}
    options = build(entry.options, {name: text for name, text in flags.items() if text is not None})
    return Evidence(given.claim or str(entry.extra["says"](options)), given.test, as_dict(options))


def _export(given: argparse.Namespace) -> int:
    from circuitviz.formats.label_files import write_labels

    count = write_labels(_opened(given).state, given.output)
    data = {"output": str(given.output), "labels": count}
    return show(given, data, lambda: f"wrote {given.output}: {count} labels")


def _import(given: argparse.Namespace) -> int:
    from circuitviz.formats.label_files import read_labels

    with _changing(given) as document:
        circuit = document.state.circuit
        if circuit is None:
            raise InputError(f"'{given.circuit}' holds no circuit whose parts the labels could be.")
        labels, foreign = read_labels(given.labels, circuit.graph)
        document.do(set_labels(labels))
    if foreign:
        names = ", ".join(foreign[:5]) + (" …" if len(foreign) > 5 else "")
        say(f"circuitviz: {len(foreign)} labels are of parts that this model does not have: {names}")
    return _saved(given, document, f"{len(labels)} labels imported into {given.circuit}")


def _opened(given: argparse.Namespace) -> Document:
    from circuitviz.formats import open_document

    return open_document(_named(given))


def _changing(given: argparse.Namespace) -> AbstractContextManager[Document]:
    """The document, which is saved at the end of the block; no other process changes it meanwhile."""
    from circuitviz.formats import change_document

    return change_document(_named(given))


def _named(given: argparse.Namespace) -> Path:
    if given.circuit.suffix != ".circuit":
        raise InputError(f"'{given.circuit}' was given; labels are kept in .circuit files.")
    path: Path = given.circuit
    return path


def _label_of(document: Document, target: str) -> Label:
    labels = document.state.labels
    if target not in labels:
        there = f"; there is {', '.join(sorted(labels)[:12])}" if labels else "; there is none yet"
        raise InputError(f"There is no label on '{target}'{there}." + suggest(target, labels))
    return labels[target]


def _saved(given: argparse.Namespace, document: Document, said: str) -> int:
    data: dict[str, Any] = {"output": str(given.circuit), "labels": len(document.state.labels)}
    return show(given, data, lambda: said)


def _said(evidence: Evidence, stale: tuple[str, ...]) -> str:
    """A claim with its verdict in a line."""
    found = evidence.outcome
    if found is None:
        return f"not run    {evidence.claim}"
    interval = "" if found.low is None else f" [{number(found.low, 2)}, {number(found.high, 2)}]"
    old = f"  (stale: {', '.join(stale)} changed)" if stale else ""
    effect = f"{number(found.effect, 2)}{interval}"
    return f"{found.verdict:<9}  {evidence.claim}: {found.measured} {effect}{old}"


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "set": _set,
    "remove": _remove,
    "suggest": _suggest,
    "test": _test,
    "export": _export,
    "import": _import,
}
