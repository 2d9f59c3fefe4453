"""``circuitviz intervene``: what changing nodes does to a target, predicted and measured."""

from __future__ import annotations

import argparse

from circuitviz import features
from circuitviz.cli.output import print_result
from circuitviz.cli.prompt_flags import (
    add_basis_flags,
    add_prompt_flags,
    add_target_flag,
    nodes_from_flags,
    open_prompt_from_flags,
)
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.errors import InputError, suggest_name
from circuitviz.graph import Intervention

WITH_NUMBER = ("scale", "set")  # actions that take a number


SUMMARY = "change nodes in the real model: predicted and measured effect"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``intervene``."""
    add_prompt_flags(parser)
    add_target_flag(parser)
    add_basis_flags(parser)
    text = "NODE=zero, NODE=scale:0.5, NODE=set:3, NODE=mean or NODE=corrupted; may be given several times"
    parser.add_argument("--change", action="append", required=True, metavar="NODE=ACTION", help=text)
    parser.add_argument("--corrupted", help="the prompt whose values 'corrupted' and 'mean' take")
    parser.add_argument(
        "--errors",
        choices=("kept", "dropped"),
        default="kept",
        help="reconstruction errors of SAEs and transcoders: kept, or dropped",
    )


def run(args: argparse.Namespace) -> int:
    """Change nodes in the frozen and in the real model; returns the exit code."""
    changes: dict[str, Intervention] = {}
    for word in args.change:
        name, intervention = _parse_intervention(word)
        if name in changes:
            raise InputError(f"--change names '{name}' twice; one action for each node would be right.")
        changes[name] = intervention
    bos = False if args.no_bos else None
    query = AttributionQuery(args.model, args.prompt, target=args.target, bos=bos, **nodes_from_flags(args))
    opening = open_prompt_from_flags(args, query)
    table, target = opening.table, opening.target
    references = []
    if args.corrupted is not None:
        ids = table.run.model.tokens.encode(args.corrupted, False if args.no_bos else None)
        references = [features.run_prompt(table.run.model, ids)]
    found = features.check_interventions(table, target, changes, references, args.errors)
    data = {
        "target": found.target,
        "changes": [
            {"node": name, "action": c.value, "value": c.amount if c.value in WITH_NUMBER else None}
            for name, c in changes.items()
        ],
        "errors": args.errors,
        "before": found.before,
        "predicted": found.predicted,
        "frozen": found.frozen,
        "free": found.free,
    }

    def text() -> str:
        return (
            f"{found.target} is {found.before:.4f}; change predicted {found.predicted:+.4f}, with patterns "
            f"and scales frozen {found.frozen:+.4f}, in the real model {found.free:+.4f}"
        )

    return print_result(args, data, text)


def _parse_intervention(word: str) -> tuple[str, Intervention]:
    """Return the node and the intervention of ``NODE=ACTION`` or ``NODE=ACTION:NUMBER``."""
    node, equals, action = word.partition("=")
    name, colon, value = action.partition(":")
    try:
        number = float(value) if colon else None
    except ValueError:
        number = float("nan")
    if not equals or not name or (number is not None and number != number):
        raise InputError(
            f"--change was given '{word}'; it takes NODE=ACTION, for example m3.f12@7=zero or "
            "m3.f12@7=scale:2."
        )
    if name not in features.INTERVENTION_ACTIONS:
        message = f"There is no action '{name}'; there is {', '.join(features.INTERVENTION_ACTIONS)}."
        raise InputError(message + suggest_name(name, features.INTERVENTION_ACTIONS))
    if name in WITH_NUMBER and number is None:
        raise InputError(f"'{name}' of '{node}' needs a number, for example {node}={name}:2.")
    return node, Intervention(name, 1.0 if number is None else number)
