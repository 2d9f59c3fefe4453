"""How the meter writes its numbers."""

from __future__ import annotations

from circuitviz.panels.meter.panel import _format_value


def test_what_rounds_to_zero_has_no_sign_and_the_rest_a_minus() -> None:
    assert [_format_value(v) for v in (-0.0001, 0.0, -0.0006, -1.5, 0.8964)] == [
        "0.000",
        "0.000",
        "−0.001",
        "−1.500",
        "0.896",
    ]
