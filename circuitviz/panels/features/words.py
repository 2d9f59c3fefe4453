"""What a person calls features: labels of the open circuit's nodes, and a notebook for all circuits.

A node's label is the document's: undone, saved and exported with it. The notebook keeps the words for the
next circuit in which the feature stands, with the explanations of others that were imported.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.graph.names import feature_name
from circuitviz.panels.desk import Desk
from circuitviz.panels.features.place import STORE, data_folder, explanations
from circuitviz.session import Label, remove_labels, set_labels
from circuitviz.session.labels import colour_for

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanation


class Words:
    """Reads and writes both."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @property
    def path(self) -> Path:
        """The notebook's file."""
        return data_folder() / STORE

    def standing(self, site: str, number: int) -> tuple[str, ...]:
        """The open circuit's nodes that are this feature."""
        circuit, name = self.desk.state.circuit, f"{site}.f{number}"
        if circuit is None:
            return ()
        return tuple(n for n in circuit.node_names if n == name or n.startswith(f"{name}@"))

    def of(self, model: str, site: str, number: int) -> list[Explanation]:
        """All that is said of a feature, one's own first: its label in the circuit, else the notebook's."""
        from circuitviz.features.explanations import OWN, Explanation

        with closing(explanations()) as store:
            said = store.of(model, site, number)
        if label := self._label(site, number):
            others = [one for one in said if one.source != OWN]
            return [Explanation(site, number, label.text, OWN), *others]
        return said

    def captions(self, model: str, site: str) -> dict[int, Explanation]:
        """What to call each feature of a site."""
        with closing(explanations()) as store:
            return store.captions(model, site)

    def say(self, model: str, site: str, number: int, text: str) -> None:
        """Call a feature something: its nodes are labelled as one step, and the notebook remembers.

        An empty text takes both back.
        """
        nodes, text = self.standing(site, number), text.strip()
        labels = self.desk.document.state.labels
        if text and nodes:
            colour = colour_for(labels, text)
            made = {n: replace(labels.get(n, Label(text, colour)), text=text, colour=colour) for n in nodes}
            self.desk.do(set_labels(made, f"Label {site}.f{number}"))
        elif gone := [n for n in nodes if n in labels]:
            self.desk.do(remove_labels(gone))
        with closing(explanations()) as store:
            store.label(model, site, number, text)

    def offered(self) -> list[str]:
        """What the selected feature has been called elsewhere, by oneself first."""
        opened, nodes = self.desk.opened, self.desk.nodes
        found = feature_name(next(iter(nodes))) if len(nodes) == 1 else None
        if opened is None or found is None or not self.path.exists():
            return []
        with closing(explanations()) as store:
            return [one.text for one in store.of(opened.model, found.site, found.feature)]

    def put(self, model: str) -> int:
        """Label the open circuit's features from the notebook where they have no label; returns how many."""
        from circuitviz.features.explanations import OWN

        state = self.desk.document.state
        made: dict[str, Label] = {}
        known: dict[str, dict[int, Explanation]] = {}
        for node in () if state.circuit is None else state.circuit.node_names:
            found = feature_name(node)
            if found is None or node in state.labels:
                continue
            if found.site not in known:
                known[found.site] = self.captions(model, found.site)
            one = known[found.site].get(found.feature)
            if one is not None and one.source == OWN:
                made[node] = Label(one.text, colour_for({**state.labels, **made}, one.text))
        if made:
            self.desk.do(set_labels(made, "Label features from the notebook"))
        return len(made)

    def _label(self, site: str, number: int) -> Label | None:
        labels = self.desk.document.state.labels
        return next((labels[n] for n in self.standing(site, number) if n in labels), None)
