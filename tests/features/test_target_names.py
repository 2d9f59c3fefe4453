"""A target's name is refused before the prompt is run exactly where the run would refuse it."""

from __future__ import annotations

from itertools import product

import pytest

from circuitviz import features
from circuitviz.errors import InputError
from circuitviz.models import load_model

PROMPT = "Then Ian and Betty went to the theater"
NAMES = [
    f"{site}{layer}.{item}@{position}"
    for site, layer, item, position in product("am", (0, 3, 4), ("h0", "h7", "h99", "n5", "f3"), (0, 6, 60))
]


@pytest.fixture(scope="module")
def table() -> features.NodeTable:
    model = load_model("demo")
    run = features.run_prompt(model, model.tokens.encode(PROMPT))
    return features.node_table(run, [])


@pytest.mark.parametrize("name", [*NAMES, "token@1", "position@2", "m1.error@3", "a1.bias@3", "m2@4"])
def test_names_are_refused_as_by_the_run(table: features.NodeTable, name: str) -> None:
    try:
        features.named_target(table, name, PROMPT)
        is_refused = False
    except InputError:
        is_refused = True
    if ".f" in name and is_refused:
        return  # whether a feature is active is known by the run alone
    if is_refused:
        with pytest.raises(InputError):
            features.check_target_name(name, table.run.model.shape, table.run.time)
    else:
        assert features.check_target_name(name, table.run.model.shape, table.run.time)


def test_other_texts_are_left_to_the_tokenizer(table: features.NodeTable) -> None:
    for text in (" Mary", "logit.7", "m3.12@7", ""):
        assert not features.check_target_name(text, table.run.model.shape, table.run.time)
