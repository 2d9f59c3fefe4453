"""The passes that methods say they make are those that the model's blocks see."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Case

from circuitviz.discovery import discover, estimate_search, make_setting, methods
from circuitviz.options import build_options

COUNTED = (
    ("eap", {}),
    ("clean-corrupted", {}),
    ("relp", {}),
    ("gim", {}),
    ("ensemble", {"members": "eap,gim"}),
    ("eap-ig", {"steps": 3}),
    ("eap-ig-activations", {"steps": 2}),
    ("attribution-patching", {}),
    ("exact", {}),
    ("exact", {"receivers": "logits,m1"}),
    ("exact", {"preselect": 100}),
    ("activation-patching", {"positions": False}),
    ("activation-patching", {}),
    ("path-patching", {"receivers": "m1"}),
)


def count_rows(case: Case, method: str, options: dict[str, Any]) -> float:
    """Rows that go through the blocks during a search, in forward passes of the whole task."""
    rows = 0

    def count(_module: Any, args: tuple[Any, ...], _output: Any) -> None:
        nonlocal rows
        rows += len(args[0])

    blocks = case.model.bridge.blocks
    handles = [block.register_forward_hook(count) for block in blocks]
    try:
        discover(case.model, case.task, method, metric="logit-diff", **options)
    finally:
        for handle in handles:
            handle.remove()
    return rows / len(blocks) / len(case.task)


@pytest.mark.parametrize(("method", "options"), COUNTED, ids=str)
def test_passes_are_those_that_the_blocks_see(demo: Case, method: str, options: dict[str, Any]) -> None:
    """But for the gradients' own work, which is counted as a quarter of a pass each."""
    entry = methods.get(method)
    setting = make_setting(demo.model, demo.task, "logit-diff")
    passes = entry.extra["count_passes"](setting, build_options(entry.options, options))
    seen = count_rows(demo, method, options)
    assert seen > 1
    expected = passes.forwards - 0.2 * passes.backwards  # 1.25 a gradient
    assert expected == pytest.approx(seen, rel=0.2, abs=1.5)


def test_acdc_makes_no_more_passes_than_it_says(demo: Case) -> None:
    entry, setting = methods.get("acdc"), make_setting(demo.model, demo.task)
    passes = entry.extra["count_passes"](setting, entry.options())
    assert passes.is_upper_bound and 10 < count_rows(demo, "acdc", {"tau": 0.05}) < passes.forwards


def test_every_method_is_estimated_and_more_prompts_take_longer(demo: Case) -> None:
    for name in methods.names():
        cost = estimate_search(make_setting(demo.model, demo.task), name)
        assert cost is not None and cost.seconds > 0 and cost.memory_bytes > 1e8, name
