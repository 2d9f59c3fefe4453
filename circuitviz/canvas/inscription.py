"""What is written in the box of a group and how much room it takes, known without any font."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap

LETTER, SMALL = 8.2, 6.3  # widths of a letter of a title and of a line, in scene units: on the safe side
TITLE, LINE = 17.0, 14.0  # heights of lines
NARROWEST = 66.0


@dataclass(frozen=True, slots=True)
class Inscription:
    """What is written in a box: title and lines, and how much room they take, in scene units."""

    title: tuple[str, ...]
    lines: tuple[str, ...]
    width: float
    height: float


@lru_cache(maxsize=4096)
def inscribed(title: str, members: tuple[str, ...]) -> Inscription:
    """Break a group's name and its members as papers write them (9.6, 10.0) into lines."""
    head = wrap(title, 20)[:2] or [title[:20]]
    lines = wrap(", ".join(as_printed(name) for name in members), 24, break_long_words=False)
    if len(lines) > 3:
        lines = [*lines[:2], f"… {len(members)} nodes"]
    wide = max([len(t) * LETTER for t in head] + [len(t) * SMALL for t in lines])
    return Inscription(
        tuple(head), tuple(lines), max(NARROWEST, wide + 18), 12 + TITLE * len(head) + LINE * len(lines)
    )


def titled(group: str, role: str) -> str:
    """A group's name with its role, where it has one that the name does not say already."""
    return group if not role or role == group else f"{group}: {role}"


def as_printed(node: str) -> str:
    r"""``a9.h6`` as papers write it: ``9.6``; an MLP is ``MLP 3``.

    >>> [as_printed(name) for name in ("a9.h6", "m3", "logits")]
    ['9.6', 'MLP\xa03', 'logits']
    """
    layer, dot, head = node[1:].partition(".h")
    if dot:
        return f"{layer}.{head}"
    return f"MLP\u00a0{layer}" if node[0] == "m" and layer.isdigit() else node
