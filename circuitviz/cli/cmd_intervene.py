"""``circuitviz intervene``: what changing nodes does to a target, predicted and measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from circuitviz.cli.output import print_result
from circuitviz.cli.prompt_flags import load_node_table
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.features import FeatureIntervention


def run(args: argparse.Namespace) -> int:
    """Change nodes in the frozen and in the real model; returns the exit code."""
    from circuitviz.features import check_interventions, named_target, run_prompt

    changes = [_parse_intervention(word) for word in args.change]
    table = load_node_table(args)
    references = []
    if args.corrupted is not None:
        ids = table.run.model.tokens.encode(args.corrupted, False if args.no_bos else None)
        references = [run_prompt(table.run.model, ids)]
    target = named_target(table, args.target, args.prompt)
    found = check_interventions(table, target, changes, references, args.errors)
    data = {
        "target": found.target,
        "changes": [{"node": c.node, "action": c.action, "value": c.value} for c in changes],
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


def _parse_intervention(word: str) -> FeatureIntervention:
    from circuitviz.features import FeatureIntervention

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
    return FeatureIntervention(node, name, number)
