"""What a circuit's scores say of its nodes beyond edges: tokens in their boxes, numbers in their hints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from circuitviz.document.node_text import describe_node_values, pinned_nodes
from circuitviz.graph import Circuit, NodeKind, Scores


def node_facts(circuit: Circuit, scores: Scores | None) -> dict[str, dict[str, Any]]:
    """``facts`` and ``pinned`` of a prompt's nodes by name; none of a model's, whose numbers are readings."""
    if scores is None or not circuit.graph.is_of_prompt:
        return {}
    pinned = frozenset(pinned_nodes(scores.info))
    info = {**scores.info, "pinned": []}
    found = {}
    for name in circuit.node_names:
        lines = describe_node_values(circuit.graph.node(name), info) + ["pinned"] * (name in pinned)
        found[name] = {"facts": "\n".join(lines), "pinned": name in pinned}
    return found


def node_texts(circuit: Circuit, scores: Scores | None) -> dict[str, str]:
    """Tokens of a prompt, and of the logits that are explained, in quotes as a reader knows them."""
    info = {} if scores is None else scores.info
    run = info.get("prompt")
    strings = list(run.get("strings") or ()) if isinstance(run, Mapping) else []
    shown_text = info.get("shown")
    shown = {str(k): str(v) for k, v in shown_text.items()} if isinstance(shown_text, Mapping) else {}
    for name in circuit.node_names:
        node = circuit.graph.node(name)
        if node.kind is NodeKind.TOKEN and node.position is not None and node.position < len(strings):
            shown[name] = str(strings[node.position])
    return {name: f"“{text.strip() or text}”" for name, text in shown.items()}
