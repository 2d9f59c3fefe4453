"""What is found of values that are kept from frame to frame, without comparing all that they hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

MAX_RESULTS = 16

First = TypeVar("First")
Rest = ParamSpec("Rest")
Found = TypeVar("Found")


def cache_by_identity(
    function: Callable[Concatenate[First, Rest], Found],
) -> Callable[Concatenate[First, Rest], Found]:
    """Keep the last results by which object the first argument is, and by the values of the others.

    A hash of a hundred columns or rows takes longer than what is asked of them.
    """
    kept: OrderedDict[tuple[Any, ...], tuple[First, Found]] = OrderedDict()

    @wraps(function)
    def lookup(first: First, /, *rest: Rest.args, **named: Rest.kwargs) -> Found:
        key = (id(first), *rest, *named.values())
        held = kept.get(key)
        if held is None or held[0] is not first:
            held = kept[key] = first, function(first, *rest, **named)  # keeps it alive: its id is its own
            if len(kept) > MAX_RESULTS:
                kept.popitem(last=False)
        return held[1]

    return lookup
