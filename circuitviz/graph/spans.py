"""Spans: names for the tokens of prompts that differ in length, so that positions can be compared and summed.

A graph by span has nodes (component, span) instead of components [haklay2025position].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from circuitviz.errors import InputError

END_SPAN = "END"  # the answer position, in every prompt
SPAN_NAME = re.compile(r"(?!\d+$)[\w.+-]+")  # a number would be a position, as in a feature's name
MAX_NAME_CHARS = 32
MAX_SPANS = 2000  # in files
OTHER_SPAN = "other"  # tokens that a prompt with named spans does not name


CharacterSpan = tuple[str, int, int]
"""Name, and the first character and the end (exclusive) of a part of a clean prompt."""


@dataclass(frozen=True)
class PromptSpans:
    """The spans of a task's prompts.

    Attributes:
        names: Their names, by the earliest token that each has in any prompt; ``END`` is the last.
        attends: Which span a head can read from which, by the names' order: ``attends[d][s]`` says whether on
            some prompt a token of span s stands at or before one of span d.
    """

    names: tuple[str, ...]
    attends: tuple[tuple[bool, ...], ...]

    @staticmethod
    def of_prompts(prompts: Sequence[Sequence[str]]) -> PromptSpans:
        """The spans of prompts.

        Args:
            prompts: The span of each token, for each prompt.
        """
        earliest: dict[str, int] = {}
        readable: set[tuple[str, str]] = set()
        for tokens in prompts:
            first = {name: i for i, name in reversed(list(enumerate(tokens)))}
            last = {name: i for i, name in enumerate(tokens)}
            for name, position in first.items():
                earliest[name] = min(position, earliest.get(name, position))
            readable.update((d, s) for d in last for s in first if first[s] <= last[d])

        names = tuple(sorted(earliest, key=lambda name: (name == END_SPAN, earliest[name], name)))
        return PromptSpans(names, tuple(tuple((d, s) in readable for s in names) for d in names))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def to_json(self) -> dict[str, Any]:
        """Names, and for each the names of those that it reads; ``from_json`` reads it again."""
        rows = zip(self.names, self.attends, strict=True)
        reads = {d: [s for s, is_read in zip(self.names, row, strict=True) if is_read] for d, row in rows}
        return {"names": list(self.names), "reads": reads}

    @staticmethod
    def from_json(data: Any) -> PromptSpans:
        """The spans that ``to_json`` wrote.

        Raises:
            InputError: The data is anything else; the message is half a sentence.
        """
        names, reads = (data.get("names"), data.get("reads")) if isinstance(data, dict) else (None, None)
        if (
            not isinstance(names, list)
            or not isinstance(reads, dict)
            or len(names) > MAX_SPANS
            or not all(isinstance(name, str) and SPAN_NAME.fullmatch(name) for name in names)
            or len(set(names)) < len(names)
            or names[-1:] != [END_SPAN]
            or not all(isinstance(reads.get(name), list) for name in names)
        ):
            raise InputError("its spans are no names with what each reads")
        read = {d: {s for s in reads[d] if isinstance(s, str)} for d in names}
        return PromptSpans(tuple(names), tuple(tuple(s in read[d] for s in names) for d in names))


def check_spans(clean: str, spans: Iterable[CharacterSpan]) -> tuple[CharacterSpan, ...]:
    """Return spans in the order of their characters.

    Args:
        clean: The clean prompt.
        spans: The spans; several may have one name.

    Raises:
        InputError: A name is none, characters lie outside the prompt or hold nothing, or two spans overlap.
    """
    ordered = sorted(spans, key=lambda span: span[1:])
    end_before, name_before = 0, ""
    for name, first, end in ordered:
        if not SPAN_NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS or name in (END_SPAN, OTHER_SPAN):
            raise InputError(
                f"A span is called {name[:60]!r}; letters, digits and . + - _ would be right, at most "
                f"{MAX_NAME_CHARS} of them, and neither a number, {END_SPAN} nor {OTHER_SPAN}, which are the "
                "answer position and the tokens without a name."
            )
        if not 0 <= first < end <= len(clean) or not clean[first:end].strip():
            raise InputError(
                f"The span '{name}' has the characters {first} to {end}; the clean prompt has {len(clean)}, "
                "and a span holds at least one that is no white space."
            )
        if first < end_before:
            raise InputError(
                f"The spans '{name_before}' and '{name}' overlap; each token belongs to one span."
            )
        end_before, name_before = end, name
    return tuple(ordered)
