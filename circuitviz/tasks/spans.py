"""Spans of prompts: which characters of the clean prompt have a name, and which span each token is in.

A pair names spans by characters, so that its prompts can be read by any tokenizer (tasks.md, Spans). The
corrupted prompt has the same spans at the same token positions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from circuitviz.errors import InputError
from circuitviz.graph.spans import END_SPAN, OTHER_SPAN
from circuitviz.graph.spans import CharacterSpan as CharacterSpan
from circuitviz.graph.spans import check_spans as check_spans

SLOT_PATTERN = re.compile(r"\{(\w+(?:\.\w+)?)\}")
WORD_PATTERN = re.compile(r"\w+")


def parse_spans(clean: str, value: Any) -> tuple[CharacterSpan, ...]:
    """Spans of a task file: ``{"IO": [5, 9], "S": [[14, 18], [38, 42]]}``.

    Args:
        clean: The clean prompt.
        value: By name a range of characters, or a list of them.

    Raises:
        InputError: It is something else, or ``check_spans`` refuses it.
    """
    items: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, Mapping) else [("", None)]
    ranges = [
        (str(name), part)
        for name, given in items
        for part in (given if isinstance(given, list) and given and isinstance(given[0], list) else [given])
    ]
    for _, part in ranges:
        is_range = isinstance(part, list) and len(part) == 2
        if not is_range or not all(isinstance(n, int) and not isinstance(n, bool) for n in part):
            raise InputError(
                f"Spans are {str(value)[:60]!r}; names with ranges of characters of the clean prompt "
                'would be right, such as {"IO": [5, 9], "S2": [38, 42]}.'
            )
    return check_spans(clean, [(name, *part) for name, part in ranges])


def spans_to_json(spans: Iterable[CharacterSpan]) -> dict[str, list[list[int]]]:
    """Spans as ``parse_spans`` reads them."""
    ranges: dict[str, list[list[int]]] = {}
    for name, first, end in spans:
        ranges.setdefault(name, []).append([first, end])
    return ranges


def token_spans(spans: Sequence[CharacterSpan], ranges: Sequence[tuple[int, int]], clean: str) -> list[str]:
    """The span of each token of a prompt.

    A token is in the first span that it shares a character with; the last token is in ``END``. A token
    without a span is in ``other``, or, where the prompt names no span, in a span of its own, such as
    ``p7`` at position 7.

    Args:
        spans: The prompt's spans, in the order of their characters.
        ranges: First character and end of each token.
        clean: The clean prompt.
    """
    names = []
    bare = [(name, first, first + len(clean[first:end].rstrip())) for name, first, end in spans]
    bare = [(name, end - len(clean[first:end].lstrip()), end) for name, first, end in bare]
    for position, (first, end) in enumerate(ranges):
        unnamed = OTHER_SPAN if spans else f"p{position}"
        names.append(next((name for name, start, stop in bare if first < stop and start < end), unnamed))
    names[-1] = END_SPAN
    return names


def fill_slots(text: str, word: Callable[[str], str]) -> tuple[str, tuple[CharacterSpan, ...]]:
    """Put words into slots, and tell where they stand.

    >>> fill_slots("{a} and {b} met {a}", lambda slot: slot * 2)
    ('aa and bb met aa', (('a', 0, 2), ('b', 7, 9), ('a-2', 14, 16)))

    Args:
        text: A text with slots ``{name}`` or ``{name.column}``.
        word: Gives the word of a slot, by what stands in its braces.

    Returns:
        The filled text, and a span for each slot, named by what stands in its braces; where that comes again,
        with ``-2``, ``-3`` …
    """
    pieces: list[str] = []
    spans: list[CharacterSpan] = []
    counts: Counter[str] = Counter()
    n_chars = end = 0
    for match in SLOT_PATTERN.finditer(text):
        name, filled = match[1], word(match[1])
        counts[name] += 1
        before = text[end : match.start()]
        first = n_chars + len(before)
        n_chars, end = first + len(filled), match.end()
        pieces += [before, filled]
        numbered = name if counts[name] == 1 else f"{name}-{counts[name]}"
        if filled.strip():
            spans.append((numbered, first, n_chars))
    return "".join([*pieces, text[end:]]), tuple(spans)


def rename_spans(spans: Iterable[CharacterSpan], names: Mapping[str, str]) -> tuple[CharacterSpan, ...]:
    """Spans with other names; those without one are left out."""
    return tuple((names[name], first, end) for name, first, end in spans if name in names)


def next_word(text: str, name: str, end: int) -> CharacterSpan:
    """A span of the first word after a character."""
    match = WORD_PATTERN.search(text, end)
    assert match is not None
    return name, match.start(), match.end()
