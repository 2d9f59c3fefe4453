"""What JSON holds is known before it is parsed; counted here by a slow parser of one character at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.formats import json_bounds
from circuitviz.formats.file_io import parse_json
from circuitviz.formats.json_bounds import count_values

TEXT = st.text('ab"\\[]{},:\u00e9\u2028', max_size=8)
TREE = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda t: st.lists(t, max_size=4) | st.dictionaries(TEXT, t, max_size=4),
    max_leaves=30,
)


def slowly(data: bytes) -> tuple[int, int]:
    values = depth = deepest = 0
    inside = escaped = False
    for sign in data.decode():
        if inside:
            inside, escaped = escaped or sign != '"', not escaped and sign == "\\"
            continue
        inside = sign == '"'
        values += sign in "[{,"
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    return values, deepest


@given(TREE, st.booleans(), st.integers(1, 7))
@example(["\\" * 9, '"', '\\\\"['], True, 2)
@settings(max_examples=200, deadline=None)
def test_values_are_counted_as_a_parser_meets_them(tree: object, plain: bool, chunk: int) -> None:
    data = json.dumps(tree, ensure_ascii=plain).encode()
    before = json_bounds.CHUNK_BYTES
    json_bounds.CHUNK_BYTES = chunk  # every backslash and quote lies on a border once
    try:
        assert count_values(data, 10**9) == slowly(data)
    finally:
        json_bounds.CHUNK_BYTES = before
    assert count_values(data, 10**9) == slowly(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [(r'"\ud800"', "\ufffd"), (r'"a\uDFFFb"', "a\ufffdb"), (r'"\ud83d\ude00"', "\U0001f600"), (r'{"\udc00": ["\udcff"]}', {"\ufffd": ["\ufffd"]}),
     (r'"\\ud800"', r"\ud800"), ('"\u2028\u2029\u0085"', "\u2028\u2029\u0085"), ("9" * 20, int("9" * 20)), ("-7", -7)],
)  # fmt: skip
def test_texts_can_be_written_again(text: str, value: object) -> None:
    parsed = parse_json("a.json", text.encode())
    assert parsed == value
    json.dumps(parsed, ensure_ascii=False).encode()


def test_a_surrogate_that_is_no_escape_is_half_a_character_too() -> None:
    assert parse_json("a.json", b'"\xed\xa0\x80x"') == "\ufffdx"


@pytest.mark.parametrize("text", ["9" * 400, "-" + "9" * 400, "[" + "1" * 4400 + "]"])
def test_whole_numbers_of_hundreds_of_digits_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"a whole number of [\d,]+ digits"):
        parse_json("a.json", text.encode())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process")
@pytest.mark.parametrize(
    "data",
    ['b\'"\' + b"\\\\\\\\" * 28_000_000 + b\'"\'', 'b\'"\' + b"\\\\\\\\" * 28_000_000', 'b"[" + b\'"",\' * 9_000_000 + b\'""]\'', 'b"[" * 57_000_000'],
    ids=["backslashes", "no end", "empty strings", "brackets"],
)  # fmt: skip
def test_memory_is_a_small_multiple_of_the_bytes(data: str) -> None:
    """57 MB of backslashes took 3.5 GB. In a process of its own; what imports take is measured apart."""
    code = (
        f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nfrom peak_memory import peak_memory_bytes\n"
        "from circuitviz.errors import InputError\nfrom circuitviz.formats.file_io import parse_json\n"
        f"data = {data}\nbefore = peak_memory_bytes()\n"
        "try: parse_json('a', data)\nexcept InputError: pass\n"
        "print((peak_memory_bytes() - before) / len(data))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(told.stdout) < 5, told.stdout
