"""Naming tokens of rows: in the row in front, and in all rows where the same tokens stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from circuitviz.errors import InputError
from circuitviz.graph.spans import END_SPAN
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.tasks.span_edits import find_like_tokens
from circuitviz.tasks.spans import CharacterSpan, check_spans
from circuitviz.workbench.prompt_inspection import RowInspection

Inspections = Mapping[PromptRow, RowInspection]


@dataclass(frozen=True)
class TokenRange:
    """Tokens of the clean prompt that are selected; ``end`` is exclusive."""

    first: int
    end: int


def name_tokens(row: PromptRow, inspection: RowInspection, tokens: TokenRange, name: str) -> PromptRow:
    """A row with a span more, in place of those that it overlaps.

    Args:
        row: The row.
        inspection: What a tokenizer makes of it.
        tokens: The tokens of the span.
        name: The name of the span.

    Raises:
        InputError: The tokens stand for no characters, are the answer position, or the name is none.
    """
    if tokens.first == len(inspection.clean_tokens) - 1:
        raise InputError(f"The last token is the answer position; its span is {END_SPAN} by itself.")
    first, end = _find_characters(row, inspection, tokens)
    kept = [span for span in row.spans if span[2] <= first or end <= span[1]]
    return replace(row, spans=check_spans(row.clean, [*kept, (name.strip(), first, end)]))


def change_row(row: PromptRow, inspection: RowInspection, tokens: TokenRange, name: str) -> PromptRow:
    """A row with tokens named, or without a name its spans removed; InputError as ``name_tokens``."""
    return name_tokens(row, inspection, tokens, name) if name else remove_spans(row, inspection, tokens)


def remove_spans(row: PromptRow, inspection: RowInspection, tokens: TokenRange) -> PromptRow:
    """A row without the spans of which tokens are selected."""
    return replace(row, spans=tuple(s for s in row.spans if s not in find_spans(row, inspection, tokens)))


def find_spans(row: PromptRow, inspection: RowInspection, tokens: TokenRange) -> list[CharacterSpan]:
    """The spans of which tokens are selected."""
    ranges = inspection.clean_ranges[tokens.first : tokens.end]
    return [span for span in row.spans if any(a < span[2] and span[1] < b for a, b in ranges)]


def span_tokens(span: CharacterSpan, inspection: RowInspection) -> TokenRange | None:
    """The tokens of a span; None where no token has a character of it."""
    _, first, end = span
    inside = [i for i, (a, b) in enumerate(inspection.clean_ranges) if a < end and first < b]
    return TokenRange(inside[0], inside[-1] + 1) if inside else None


def change_all_rows(
    rows: Sequence[PromptRow], inspections: Inspections, front: PromptRow, tokens: TokenRange, name: str
) -> tuple[list[PromptRow], int]:
    """Rows of which each has the span where the row in front has it.

    A span of the row in front that is selected as a whole is known by its name in the other rows, as words of
    one slot of a template are; tokens without a name are found where the words around them are the same.

    Args:
        rows: The rows.
        inspections: What a tokenizer makes of rows.
        front: The row in which tokens are selected.
        tokens: The tokens.
        name: The name of the span; empty to remove it.

    Returns:
        The rows, and in how many the span is named or removed.
    """
    seen = inspections[front.without_spans]
    chosen = find_spans(front, seen, tokens)
    old_name = chosen[0][0] if len(chosen) == 1 and span_tokens(chosen[0], seen) == tokens else ""
    changed, n_changed = [], 0
    for row in rows:
        done = row
        inspection = inspections.get(row.without_spans)
        if old_name and any(span[0] == old_name for span in row.spans):
            others = [span for span in row.spans if span[0] != old_name]
            renamed = [(name.strip(), *span[1:]) for span in row.spans if span[0] == old_name] if name else []
            done = replace(row, spans=check_spans(row.clean, [*others, *renamed]))
        elif inspection is not None and not row.is_empty:
            done = _change_like_tokens(row, inspection, seen, tokens, name)
        n_changed += done != row
        changed.append(done)
    return changed, n_changed


def _change_like_tokens(
    row: PromptRow, inspection: RowInspection, front: RowInspection, tokens: TokenRange, name: str
) -> PromptRow:
    """The row with the span, or without it; the row itself where nothing stands for the tokens."""
    place = find_like_tokens(front.clean_tokens, inspection.clean_tokens, tokens.first, tokens.end)
    if place is None:
        return row
    if not name:
        return remove_spans(row, inspection, TokenRange(*place))
    try:
        return name_tokens(row, inspection, TokenRange(*place), name)
    except InputError:
        if inspection.row == front.row:
            raise
        return row


def _find_characters(row: PromptRow, inspection: RowInspection, tokens: TokenRange) -> tuple[int, int]:
    ranges = [(a, b) for a, b in inspection.clean_ranges[tokens.first : tokens.end] if b > a]
    if not inspection.clean_ranges:
        raise InputError(
            "The tokenizer of this model does not tell which characters a token stands for; spans need one "
            "that does."
        )
    if not ranges:
        raise InputError("This token stands for no characters of the prompt; another one would be right.")
    first, end = ranges[0][0], ranges[-1][1]
    text = row.clean[first:end]
    return first + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())
