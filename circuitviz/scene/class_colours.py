"""Which colour a label or a group has in every picture, so that no two classes look alike in any of them."""

from __future__ import annotations

from circuitviz.document import State
from circuitviz.document.groups import GROUP_COLOURS


def class_colours(state: State) -> dict[str, str]:
    """A colour for each label and group: the person's own where no other has it, else one told apart."""
    said = {t.removeprefix("class:"): x for t, x in state.labels.items() if t.startswith("class:")}
    chosen = {
        text: (said[text].colour if text in said else "").lower() or state.labels[nodes[0]].colour.lower()
        for text, nodes in state.nodes_by_label.items()
    }
    for name, group in state.groups_with_classes.items():
        if name in state.groups or name not in chosen:
            chosen[name] = group.colour.lower()
        if label := state.labels.get(f"group:{name}"):
            chosen[name] = (label.colour or chosen.get(name, group.colour)).lower()
    counts = list(chosen.values())
    free = [colour for colour in GROUP_COLOURS if colour not in counts]
    for text, colour in sorted(chosen.items()):
        if counts.count(colour) > 1:
            chosen[text] = free.pop(0) if free else colour
    return chosen
