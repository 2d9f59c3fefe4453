"""Spans: names for the tokens of prompts that differ in length, so that positions can be compared and summed.

A graph by span has nodes (component, span) instead of components [haklay2025position].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

END_SPAN = "END"  # the answer position, in every prompt
OTHER_SPAN = "other"  # tokens that a prompt with named spans does not name


@dataclass(frozen=True)
class Spans:
    """The spans of a task's prompts.

    Attributes:
        names: Their names, in the order in which they stand in the prompts on average; ``END`` is the last.
        attends: Which span a head can read from which, by the names' order: ``attends[d][s]`` says whether on
            some prompt a token of span s stands at or before one of span d.
    """

    names: tuple[str, ...]
    attends: tuple[tuple[bool, ...], ...]

    @staticmethod
    def of_prompts(prompts: Sequence[Sequence[str]]) -> Spans:
        """The spans of prompts.

        Args:
            prompts: The span of each token, for each prompt.
        """
        first_positions: dict[str, list[int]] = {}
        readable: set[tuple[str, str]] = set()
        for tokens in prompts:
            first = {name: i for i, name in reversed(list(enumerate(tokens)))}
            last = {name: i for i, name in enumerate(tokens)}
            for name, position in first.items():
                first_positions.setdefault(name, []).append(position)
            readable.update((d, s) for d in last for s in first if first[s] <= last[d])

        def place(name: str) -> tuple[bool, float, str]:
            positions = first_positions[name]
            return name == END_SPAN, sum(positions) / len(positions), name

        names = tuple(sorted(first_positions, key=place))
        return Spans(names, tuple(tuple((d, s) in readable for s in names) for d in names))

    def __len__(self) -> int:
        return len(self.names)
