"""What is said of the areas under a curve, also of a result that an earlier version measured."""

from __future__ import annotations

from circuitviz.document.curve_areas import describe_areas


def test_areas_of_an_earlier_rule_are_not_passed_off_as_mibs() -> None:
    (text,) = describe_areas({"points": [], "cpr": 0.9, "cmd": None})
    assert text == "CPR 0.900, CMD undefined by an earlier rule, not MIB's"


def test_undefined_areas_and_missing_intervals_are_said() -> None:
    one = {"value": 0.5, "low": None, "high": None}
    areas = {"cpr": {**one, "low": 0.4, "high": 0.6}, "cmd": {**one, "value": None}, "cpr_clipped": one}
    assert describe_areas({"areas": areas}) == [
        "CPR 0.500 [0.400, 0.600]",
        "CMD undefined",
        "CPR clipped 0.500",
    ]


def test_a_curve_that_ends_early_has_no_areas() -> None:
    (text,) = describe_areas({"points": []})
    assert "not all edges were scored" in text and "earlier rule" not in text
