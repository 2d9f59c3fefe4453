"""What a person calls features: labels of the open circuit's nodes, and a notebook for all circuits.

A node's label is the document's: undone, saved and exported with it. The notebook keeps the words for the
next circuit in which the feature stands, with the explanations of others that were imported.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.document import Label, remove_labels, set_labels
from circuitviz.document.labels import colour_for_role
from circuitviz.graph.names import parse_feature_name
from circuitviz.panels.features.explanation_store import STORE_FILE_NAME, open_explanations, user_data_folder
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanation


class FeatureLabels:
    """Reads and writes both."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def store_path(self) -> Path:
        """The notebook's file."""
        return user_data_folder() / STORE_FILE_NAME

    def circuit_nodes(self, site: str, feature: int) -> tuple[str, ...]:
        """The open circuit's nodes that are this feature."""
        circuit, name = self.workspace.state.circuit, f"{site}.f{feature}"
        if circuit is None:
            return ()
        return tuple(n for n in circuit.node_names if n == name or n.startswith(f"{name}@"))

    def explanations_of(self, model: str, site: str, feature: int) -> list[Explanation]:
        """All that is said of a feature, one's own first: its label in the circuit, else the notebook's."""
        from circuitviz.features.explanations import OWN_SOURCE, Explanation

        with closing(open_explanations()) as store:
            said = store.explanations_of(model, site, feature)
        if label := self._circuit_label(site, feature):
            others = [one for one in said if one.source != OWN_SOURCE]
            return [Explanation(site, feature, label.text, OWN_SOURCE), *others]
        return said

    def site_captions(self, model: str, site: str) -> dict[int, Explanation]:
        """What to call each feature of a site."""
        with closing(open_explanations()) as store:
            return store.captions(model, site)

    def set_label(self, model: str, site: str, feature: int, text: str) -> None:
        """Call a feature something: its nodes are labelled as one step, and the notebook remembers.

        An empty text takes both back.
        """
        nodes, text = self.circuit_nodes(site, feature), text.strip()
        labels = self.workspace.document.state.labels
        if text and nodes:
            colour = colour_for_role(labels, text)
            made = {n: replace(labels.get(n, Label(text, colour)), text=text, colour=colour) for n in nodes}
            self.workspace.apply_command(set_labels(made, f"Label {site}.f{feature}"))
        elif gone := [n for n in nodes if n in labels]:
            self.workspace.apply_command(remove_labels(gone))
        with closing(open_explanations()) as store:
            store.set_own_label(model, site, feature, text)

    def suggested_labels(self) -> list[str]:
        """What the selected feature has been called elsewhere, by oneself first."""
        opened, nodes = self.workspace.opened_model, self.workspace.selected_nodes
        found = parse_feature_name(next(iter(nodes))) if len(nodes) == 1 else None
        if opened is None or found is None or not self.store_path.exists():
            return []
        with closing(open_explanations()) as store:
            return [one.text for one in store.explanations_of(opened.model, found.site, found.feature)]

    def label_circuit(self, model: str) -> int:
        """Label the open circuit's features from the notebook where they have no label; returns how many."""
        from circuitviz.features.explanations import OWN_SOURCE

        state = self.workspace.document.state
        made: dict[str, Label] = {}
        known: dict[str, dict[int, Explanation]] = {}
        for node in () if state.circuit is None else state.circuit.node_names:
            found = parse_feature_name(node)
            if found is None or node in state.labels:
                continue
            if found.site not in known:
                known[found.site] = self.site_captions(model, found.site)
            one = known[found.site].get(found.feature)
            if one is not None and one.source == OWN_SOURCE:
                made[node] = Label(one.text, colour_for_role({**state.labels, **made}, one.text))
        if made:
            self.workspace.apply_command(set_labels(made, "Label features from the notebook"))
        return len(made)

    def _circuit_label(self, site: str, feature: int) -> Label | None:
        labels = self.workspace.document.state.labels
        return next((labels[n] for n in self.circuit_nodes(site, feature) if n in labels), None)
