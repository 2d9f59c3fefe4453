"""Opening a site keeps how the circuit's gradient was taken, and closing it takes the method back."""

from __future__ import annotations

from typing import Any

import pytest

from circuitviz.document import TaskOrigin
from circuitviz.workbench.requests.switch_basis import SwitchBasis


def _origin(method: str, options: dict[str, Any]) -> TaskOrigin:
    return TaskOrigin("demo", "", "ioi", "", (), "logit-diff", "corrupted", method, options)


@pytest.mark.parametrize(
    ("method", "options", "gradient"),
    [
        ("relp", {"qk": "constant"}, "relp"),
        ("relp", {"qk": "gradient"}, "relp-qk"),
        ("gim", {}, "gim"),
        ("learned-ranking", {"training_steps": 500}, ""),
        ("atp-star", {"grad_drop": False}, ""),
    ],
)
def test_a_method_of_other_backward_rules_is_kept(
    method: str, options: dict[str, Any], gradient: str
) -> None:
    opened = SwitchBasis(_origin(method, options), ("a2",), 100, "")._method_and_options()
    assert opened[0] == "task-attribution" and opened[1].get("gradient", "") == gradient
    assert "steps" not in opened[1], "those of integrated gradients"
    closed = SwitchBasis(_origin(*opened), (), 100, "")._method_and_options()
    assert closed == ((method, options) if gradient else ("eap-ig", closed[1]))
