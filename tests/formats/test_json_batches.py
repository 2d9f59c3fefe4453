"""Large files are put together in pieces, so that no one call keeps Python's lock: the text is the same."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from circuitviz.formats.file_io import BATCH_SIZE, batched, dump_json

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text() | st.integers() | st.booleans() | st.none()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=30)


@given(VALUES, st.booleans())
def test_the_text_is_that_of_json(value: Any, ensure_ascii: bool) -> None:
    assert dump_json(value, ensure_ascii) == json.dumps(value, ensure_ascii=ensure_ascii)


def test_many_entries_are_joined_where_batches_meet() -> None:
    for count in (BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE + 7):
        value = {
            "nodes": list(range(count)),
            "edges": {f"é{i}": {"score": i / 7} for i in range(count)},
            "x": [],
            "y": {},
        }
        assert dump_json(value) == json.dumps(value)
        assert dump_json(value["edges"], False) == json.dumps(value["edges"], ensure_ascii=False)


def test_batches_hold_everything_in_order() -> None:
    assert [len(some) for some in batched(range(2 * BATCH_SIZE + 1))] == [BATCH_SIZE, BATCH_SIZE, 1]
    assert list(chain.from_iterable(batched(range(2 * BATCH_SIZE + 1)))) == list(range(2 * BATCH_SIZE + 1))
    assert list(batched([])) == []
