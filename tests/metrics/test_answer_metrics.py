"""Metrics against their formulas, written out per prompt."""

from __future__ import annotations

import math

import pytest
import torch

from circuitviz.metrics import metrics

LOGITS = torch.tensor([[1.0, 2.0, 0.5, -1.0], [0.0, 3.0, 1.0, 2.0]])
CORRECT = torch.tensor([[1, -1], [3, 2]])
INCORRECT = torch.tensor([[0, 2], [1, -1]])


def probabilities(row: int) -> list[float]:
    e = [math.exp(x) for x in LOGITS[row].tolist()]
    return [x / sum(e) for x in e]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("logit-diff", 2.0 - (1.0 + 0.5) / 2, (2.0 + 1.0) / 2 - 3.0),
        (
            "prob-diff",
            probabilities(0)[1] - probabilities(0)[0] - probabilities(0)[2],
            probabilities(1)[3] + probabilities(1)[2] - probabilities(1)[1],
        ),
        ("log-prob", math.log(probabilities(0)[1]), math.log(sum(probabilities(1)[2:]))),
        ("accuracy", 1.0, 0.0),
    ],
)
def test_formula(name: str, first: float, second: float) -> None:
    found = metrics.get(name).value(LOGITS, CORRECT, INCORRECT, None)
    assert found.tolist() == pytest.approx([first, second], abs=1e-6)


def test_divergence_is_negative_and_zero_for_the_model_itself() -> None:
    value = metrics.get("kl").value
    assert value(LOGITS, CORRECT, INCORRECT, LOGITS).tolist() == pytest.approx([0, 0], abs=1e-6)
    found = value(LOGITS.flip(0), CORRECT, INCORRECT, LOGITS)
    p, q = probabilities(0), probabilities(1)
    expected = -sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(found[0]) == pytest.approx(expected, abs=1e-6)
