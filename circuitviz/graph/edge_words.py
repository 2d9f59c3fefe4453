"""Names of edges in words, for lists that people read; files and scripts keep EAP-IG's names."""

from __future__ import annotations

import re

from circuitviz.graph.names import channel_of

CHANNEL_WORDS = {"q": "query", "k": "key", "v": "value"}
_HEAD = re.compile(r"(a\d+)\.((?:h|kv)\d+)")
_MLP = re.compile(r"m(\d+)")


def edge_in_words(edge: str) -> str:
    """The name of an edge as people read it; parts that are no heads and no MLPs keep their names.

    >>> edge_in_words("m17->a20.kv0<v>"), edge_in_words("a5.h3->logits"), edge_in_words("m2.f304->m3")
    ('MLP 17 → a20 kv0, value', 'a5 h3 → logits', 'm2.f304 → MLP 3')
    """
    sender, _, receiver = edge.partition("->")
    channel = channel_of(receiver)
    place = part_in_words(receiver[:-3] if channel else receiver)
    return f"{part_in_words(sender)} → {place}{f', {CHANNEL_WORDS[channel]}' if channel else ''}"


def part_in_words(name: str) -> str:
    """A component, or a receiver without its channel, as people read it.

    >>> part_in_words("m17"), part_in_words("a20.kv0"), part_in_words("input")
    ('MLP 17', 'a20 kv0', 'input')
    """
    if match := _MLP.fullmatch(name):
        return f"MLP {match[1]}"
    if match := _HEAD.fullmatch(name):
        return f"{match[1]} {match[2]}"
    return name
