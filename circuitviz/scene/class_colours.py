"""Which colour a class or a group has: the one source for lists, the canvas, the class view and figures.

A class has one colour, whatever colours its labels were given, and no two have the same as long as the
palette lasts; then colours repeat, and a mark behind the name tells the classes apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from circuitviz.document import Label, State
from circuitviz.document.groups import GROUP_COLOURS
from circuitviz.document.labels import target_kind
from circuitviz.scene.theme import Theme, with_contrast

DARK_GROUP_COLOURS = tuple(
    "#ffe400 #ece0ff #ff863e #c7ed9a #f30046 #9b7a8b #d800a6 #f2b1af #92b4cb #018549 #4c69e7 #d97fff".split()
)
"""``GROUP_COLOURS`` on a dark ground: the same hues, as far apart and with the same least contrast."""
_DARK_VARIANTS = dict(zip(GROUP_COLOURS, DARK_GROUP_COLOURS, strict=True))
REPEAT_MARKS = ("", " ²", " ³", " ⁴", " ⁵", " ⁶", " ⁷", " ⁸", " ⁹")
"""What stands behind the name of the first, second, … class of one colour; all further have the last."""


def class_colours(state: State) -> dict[str, str]:
    """The colour of each class and group, ``#rrggbb``, by name.

    The person's own colour where no class before has it, else the colour of the palette that fewest have.
    """
    chosen = _chosen_colours(state)
    used: Counter[str] = Counter()
    later = Counter(chosen.values())  # which a class after the present one chose
    colours: dict[str, str] = {}
    for name, colour in chosen.items():
        later[colour] -= 1
        if used[colour]:
            colour = min(GROUP_COLOURS, key=lambda free: (used[free], later[free]))
        colours[name] = colour
        used[colour] += 1
    return colours


@lru_cache(maxsize=256)  # asked for with every node that is painted
def colour_in_theme(colour: str, theme: Theme) -> str:
    """How a class's colour is drawn in a theme: as the palette's variant, else with enough contrast.

    Documents hold the colours of the light theme; every list, canvas and figure draws them by this function.
    """
    if theme.is_dark and colour.lower() in _DARK_VARIANTS:
        return _DARK_VARIANTS[colour.lower()]
    return with_contrast(colour, theme) if colour else ""


def class_titles(state: State) -> dict[str, str]:
    """The name of each class and group as it is shown: with a mark where another has its colour."""
    seen: Counter[str] = Counter()
    titles = {}
    for name, colour in class_colours(state).items():
        titles[name] = name + REPEAT_MARKS[min(seen[colour], len(REPEAT_MARKS) - 1)]
        seen[colour] += 1
    return titles


def label_colour(state: State, colours: Mapping[str, str], target: str, label: Label) -> str:
    """The colour of a label in a list: its class's or group's, else its own; empty where it has none."""
    kind, _, name = target.partition(":")
    if target_kind(target) == "node":
        return colours.get(state.class_of(label), "")
    if kind == "class":
        members = state.class_members(name)
        return (
            colours.get(state.class_of(state.labels[members[0]]), label.colour) if members else label.colour
        )
    return colours.get(name, label.colour) if kind == "group" else label.colour


def _chosen_colours(state: State) -> dict[str, str]:
    """What labels and groups were given, by name, in the document's order."""
    class_labels = {
        t.removeprefix("class:").casefold(): x for t, x in state.labels.items() if t.startswith("class:")
    }
    chosen = {}
    for name, nodes in state.nodes_by_label.items():
        own = class_labels[name.casefold()].colour if name.casefold() in class_labels else ""
        chosen[name] = (own or state.labels[nodes[0]].colour).lower()
    for name, group in state.groups_with_classes.items():
        if name in state.groups or name not in chosen:
            chosen[name] = group.colour.lower()
        if label := state.labels.get(f"group:{name}"):
            chosen[name] = (label.colour or chosen.get(name, group.colour)).lower()
    return chosen
