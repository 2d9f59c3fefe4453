"""``circuitviz local-circuit``: what a feature's, neuron's or logit's value comes from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from circuitviz.app.cli.feature_flags import opened_prompt, write
from circuitviz.app.cli.output import number, show
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.features import NodeTable, Target


def run(given: argparse.Namespace) -> int:
    """Attribute a target's value to nodes, and write the circuit; returns the exit code."""
    from circuitviz.features import Edges, local_circuit, local_scores, strongest

    if given.tau is not None and given.nodes is not None:
        raise InputError("--tau and --nodes were both given; one of them decides what is kept.")
    table = opened_prompt(given)
    edges, target = Edges(table), target_of(table, given.target, given.prompt)
    found = local_circuit(edges, target, given.tau, given.nodes, given.method, given.gate)
    scores = local_scores(edges, found)
    circuit = strongest(scores)
    if given.output is not None:
        write(scores, circuit, given.output)
    ledger = scores.info["ledger"]
    values = found.attribution[found.kept].tolist()
    ordered = sorted(zip(found.names, values, strict=True), key=lambda pair: -abs(pair[1]))
    data = {
        "target": target.node.name,
        "value": target.value,
        "method": found.method,
        "gate": found.gate,
        "tau": found.tau,
        "tokens": table.run.strings,
        "nodes": [{"node": name, "attribution": value} for name, value in ordered],
        "edges": circuit.n_edges,
        "ledger": ledger,
        "fraction": found.fraction,
    }

    def text() -> str:
        lines = [
            f"{target.node.name} is {number(target.value)}; {len(ordered)} nodes above {found.tau:.3g}",
            *(f"  {name:16} {value:+.4f}" for name, value in ordered[:20]),
            "  ".join(f"{term.replace('_', ' ')} {value:+.3f}" for term, value in ledger.items()),
        ]
        return "\n".join(lines)

    return show(given, data, text)


def target_of(table: NodeTable, name: str, prompt: str) -> Target:
    """A node by its name, or the logit of a token as it is written after the prompt."""
    from circuitviz.features import logit_target, node_target

    if "@" in name:
        return node_target(table, name)
    return logit_target(table, table.run.model.tokens.answer(prompt, name))
