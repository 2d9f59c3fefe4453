"""``circuitviz label``: say what parts do, test it, carry labels from file to file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitviz import formats, workbench
from circuitviz.cli.label_flags import OPTION_DEST_PREFIX, add_label_actions
from circuitviz.cli.open_task_document import open_claim_experiment, open_task_document
from circuitviz.cli.output import format_number, print_message, print_result, run_with_progress_bar
from circuitviz.document import (
    Document,
    Evidence,
    Label,
    add_evidence,
    remove_labels,
    set_label,
    set_labels,
)
from circuitviz.document.labels import colour_for_role, is_valid_target
from circuitviz.errors import InputError, suggest_name
from circuitviz.evaluation import claims, roles
from circuitviz.options import build_options, options_to_dict

SUMMARY = "say what parts do, test it, carry labels between files"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add one subcommand for each thing that can be done with labels."""
    add_label_actions(parser, argv)


def run(args: argparse.Namespace) -> int:
    """Do what the subcommand says; returns the exit code."""
    return ACTIONS[args.action](args)


def _list_labels(args: argparse.Namespace) -> int:
    document = _open_document(args)
    state = document.state
    graph = state.circuit.graph if state.circuit else None
    rows = []
    for target, label in sorted(state.labels.items()):
        now = state.evidence_context_of(target)
        evidence = [
            {**formats.evidence_to_json(e), "stale": list(e.stale_parts(now))} for e in label.evidence
        ]
        rows.append({**formats.label_to_row(target, label, graph), "Evidence": evidence})

    def text() -> str:
        lines = []
        for target, label in sorted(state.labels.items()):
            sure = "" if label.confidence is None else f"  {label.confidence:.0%} sure"
            by = f"  by {label.author}" if label.author else ""
            lines.append(f"{target}  {label.text}{sure}{by}" + (f"  {label.note}" if label.note else ""))
            lines += [
                f"    {_claim_line(e, e.stale_parts(state.evidence_context_of(target)))}"
                for e in label.evidence
            ]
        return "\n".join(lines) or "no labels"

    return print_result(args, rows, text)


def _set_label(args: argparse.Namespace) -> int:
    with _change_document(args) as document:
        state, target, role = document.state, args.target, args.role.strip()
        graph = state.circuit.graph if state.circuit else None
        if not is_valid_target(graph, target) or not role:
            raise InputError(
                f"The part '{target}' was to be labelled '{args.role}'; a part is a node like a2.h6, an "
                "edge like m0->a2.h6<q>, group:NAME or class:NAME of this circuit's model, and a role is "
                "a text."
            )
        label = state.labels.get(target, Label(role, colour_for_role(state.labels, role)))
        colour = label.colour if args.colour is None else formats.check_colour(args.colour)
        label = replace(label, text=role, colour=colour, note=args.note or label.note)
        sure = label.confidence if args.confidence is None else formats.check_confidence(args.confidence)
        document.apply_command(
            set_label(target, replace(label, confidence=sure, author=args.author or label.author))
        )
    return _print_saved(args, document, f"{target} is labelled '{role}'")


def _remove_label(args: argparse.Namespace) -> int:
    with _change_document(args) as document:
        _existing_label(document, args.target)
        document.apply_command(remove_labels([args.target]))
    return _print_saved(args, document, f"{args.target} has no label any more")


def _suggest_roles(args: argparse.Namespace) -> int:
    document, experiment = open_task_document(args)
    heads = roles.head_names(experiment.model)
    if args.node is not None and args.node not in heads:
        raise InputError(f"'{args.node}' is no head of this model; one like {heads[0]} would be right.")
    probe = roles.RoleTestContext(
        experiment.setting, workbench.name_mover_heads(document.state), 0, args.length
    )
    table = run_with_progress_bar(roles.role_table_steps(probe), "roles").as_dict()
    rows = []
    for name, found in table["roles"].items():
        scores = {h: v for h, v in found["scores"].items() if v is not None}
        order = sorted(scores, key=lambda h: -scores[h])[: args.top] if args.node is None else [args.node]
        for head in (h for h in order if h in scores):
            rank = roles.head_percentile(found["scores"], head)
            rows.append(
                {"test": name, "role": found["role"], "head": head, "score": scores[head], "percentile": rank}
            )
    if args.node is not None:
        rows.sort(key=lambda row: -(row["percentile"] or 0.0))

    def text() -> str:
        wide = max((len(row["role"]) for row in rows), default=0)
        lines = [
            f"{row['role']:<{wide}}  {row['head']:<8} {format_number(row['score'])}  "
            f"above {row['percentile']:.0f} %"
            for row in rows
        ]
        lines += [f"{name}: {why}" for name, why in table["missing"].items()]
        return "\n".join(lines)

    return print_result(args, {"rows": rows, "movers": table["movers"], "missing": table["missing"]}, text)


def _test_claims(args: argparse.Namespace) -> int:
    tested = []
    with _change_document(args) as document:
        wanted = _claims_to_test(args, document)
        if not wanted:
            return print_result(
                args, [], lambda: "every claim was tested as things stand; --all tests them again"
            )
        experiment = open_claim_experiment(args, document)
        for target, evidence in wanted:
            steps = workbench.run_claim_test_steps(document, experiment, target, evidence)
            tested.append((target, run_with_progress_bar(steps, f"{target}: {evidence.claim}")))
    return print_result(
        args,
        [{"target": target, **formats.evidence_to_json(evidence)} for target, evidence in tested],
        lambda: "\n".join(f"{target}  {_claim_line(evidence, ())}" for target, evidence in tested),
    )


def _claims_to_test(args: argparse.Namespace, document: Document) -> list[tuple[str, Evidence]]:
    """The claims to be tested; a new one is put to its label first."""
    if args.test is not None:
        if args.target is None:
            raise InputError("--test adds a claim to one label; name it with --target.")
        _existing_label(document, args.target)
        evidence = _claim_from_flags(args)
        document.apply_command(add_evidence(args.target, evidence))
        return [(args.target, evidence)]
    state = document.state
    if args.target is not None:
        _existing_label(document, args.target)
    targets = list(state.labels) if args.target is None else [args.target]
    if args.all:
        return [(target, e) for target in targets for e in state.labels[target].evidence]
    return workbench.claims_to_test(state, targets)


def _claim_from_flags(args: argparse.Namespace) -> Evidence:
    entry = claims.claim_tests.get(args.test)
    flags = {
        k.removeprefix(OPTION_DEST_PREFIX): v
        for k, v in vars(args).items()
        if k.startswith(OPTION_DEST_PREFIX)
    }
    options = build_options(entry.options, {name: text for name, text in flags.items() if text is not None})
    return Evidence(args.claim or str(entry.extra["says"](options)), args.test, options_to_dict(options))


def _export_labels(args: argparse.Namespace) -> int:
    count = formats.write_labels(_open_document(args).state, args.output)
    data = {"output": str(args.output), "labels": count}
    return print_result(args, data, lambda: f"wrote {args.output}: {count} labels")


def _import_labels(args: argparse.Namespace) -> int:
    with _change_document(args) as document:
        circuit = document.state.circuit
        if circuit is None:
            raise InputError(f"'{args.circuit}' holds no circuit whose parts the labels could be.")
        labels, foreign = formats.read_labels(args.labels, circuit.graph)
        document.apply_command(set_labels(labels))
    if foreign:
        names = ", ".join(foreign[:5]) + (" …" if len(foreign) > 5 else "")
        print_message(
            f"circuitviz: {len(foreign)} labels are of parts that this model does not have: {names}"
        )
    return _print_saved(args, document, f"{len(labels)} labels imported into {args.circuit}")


def _open_document(args: argparse.Namespace) -> Document:
    return formats.open_document(_circuit_path(args))


def _change_document(args: argparse.Namespace) -> AbstractContextManager[Document]:
    """The document, which is saved at the end of the block; no other process changes it meanwhile."""
    return formats.change_document(_circuit_path(args))


def _circuit_path(args: argparse.Namespace) -> Path:
    if args.circuit.suffix != ".circuit":
        raise InputError(f"'{args.circuit}' was given; labels are kept in .circuit files.")
    path: Path = args.circuit
    return path


def _existing_label(document: Document, target: str) -> Label:
    labels = document.state.labels
    if target not in labels:
        there = f"; there is {', '.join(sorted(labels)[:12])}" if labels else "; there is none yet"
        raise InputError(f"There is no label on '{target}'{there}." + suggest_name(target, labels))
    return labels[target]


def _print_saved(args: argparse.Namespace, document: Document, message: str) -> int:
    data: dict[str, Any] = {"output": str(args.circuit), "labels": len(document.state.labels)}
    return print_result(args, data, lambda: message)


def _claim_line(evidence: Evidence, stale: tuple[str, ...]) -> str:
    """A claim with its verdict in a line."""
    found = evidence.outcome
    if found is None:
        return f"not run    {evidence.claim}"
    interval = (
        "" if found.low is None else f" [{format_number(found.low, 2)}, {format_number(found.high, 2)}]"
    )
    old = f"  (stale: {', '.join(stale)} changed)" if stale else ""
    effect = f"{format_number(found.effect, 2)}{interval}"
    return f"{found.verdict:<9}  {evidence.claim}: {found.measured} {effect}{old}"


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list_labels,
    "set": _set_label,
    "remove": _remove_label,
    "suggest": _suggest_roles,
    "test": _test_claims,
    "export": _export_labels,
    "import": _import_labels,
}
