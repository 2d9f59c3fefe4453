"""What is said of a prompt's nodes, whatever a file holds in the place of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from circuitviz.document.node_text import describe_node_values, pinned_nodes
from circuitviz.graph import Node, NodeKind

FEATURE = Node("m3.f12@7", NodeKind.FEATURE, 3, site="m", position=7, feature=12)
LOGIT = Node("logit.4@7", NodeKind.LOGITS, position=7, token=4)


def test_numbers_are_said_with_what_they_are() -> None:
    info = {
        "activations": {FEATURE.name: 2.5, LOGIT.name: 11.0},
        "attributions": {FEATURE.name: -0.5},
        "influence": {FEATURE.name: 0.25},
        "cumulative_influence": {FEATURE.name: 0.421},
        "probabilities": {LOGIT.name: 0.31},
        "pinned": [FEATURE.name],
    }
    said = [
        "activation 2.5000",
        "attribution −0.5000",
        "influence 0.2500",
        "cumulative influence 42.1\N{NO-BREAK SPACE}%",
        "pinned",
    ]
    assert describe_node_values(FEATURE, info) == said
    assert describe_node_values(LOGIT, info) == ["value 11.0000", "probability 0.310"]
    assert describe_node_values(Node("token@0", NodeKind.TOKEN, position=0), info) == []


@pytest.mark.parametrize("odd", [None, 5, "x", [1], {"m3.f12@7": "much"}, {"m3.f12@7": None}, [["m3.f12@7"]]])
def test_what_is_no_number_is_not_said(odd: Any) -> None:
    keys = ("activations", "attributions", "influence", "cumulative_influence", "probabilities", "pinned")
    assert (
        describe_node_values(FEATURE, dict.fromkeys(keys, odd)) == [] and pinned_nodes({"pinned": odd}) == []
    )
