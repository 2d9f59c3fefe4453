"""Labels that the user gives to features.

A label on a node of the open circuit belongs to the document: it is undone, saved and exported with it. The
local explanation store keeps it too, for other circuits that contain the feature, beside imported labels.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtGui import QUndoCommand

from circuitviz.document import Label, remove_labels, set_labels
from circuitviz.document.labels import colour_for_role
from circuitviz.features import explanations
from circuitviz.graph.names import parse_feature_name
from circuitviz.panels.features.explanation_store import STORE_FILE_NAME, open_explanations, user_data_folder
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace


class _StoreStep(QUndoCommand):
    """A change of the person's own label of a feature in the explanation store."""

    def __init__(self, text: str, write: Callable[[str], None], before: str, after: str) -> None:
        super().__init__(escape_mnemonics(text))
        self._write, self._before, self._after = write, before, after

    def redo(self) -> None:
        """Store the later label."""
        self._write(self._after)

    def undo(self) -> None:
        """Store the earlier label."""
        self._write(self._before)


class FeatureLabels:
    """Reads and writes feature labels in the document and in the explanation store.

    Args:
        workspace: The application's model.
        on_stored: Called when a label in the store has changed, also by undo.
    """

    def __init__(self, workspace: Workspace, on_stored: Callable[[], None] = lambda: None) -> None:
        self.workspace, self._on_stored = workspace, on_stored

    @property
    def store_path(self) -> Path:
        """Path of the explanation store."""
        return user_data_folder() / STORE_FILE_NAME

    def circuit_nodes(self, site: str, feature: int) -> tuple[str, ...]:
        """Names of the open circuit's nodes that are this feature, one per token position."""
        circuit, name = self.workspace.state.circuit, f"{site}.f{feature}"
        if circuit is None:
            return ()
        return tuple(n for n in circuit.node_names if n == name or n.startswith(f"{name}@"))

    def explanations_of(self, model: str, site: str, feature: int) -> list[explanations.Explanation]:
        """All labels of a feature, the user's own first: that of the circuit, else that of the store."""
        with closing(open_explanations()) as store:
            stored = store.explanations_of(model, site, feature)
        if label := self._circuit_label(site, feature):
            imported = [entry for entry in stored if entry.source != explanations.OWN_SOURCE]
            return [explanations.Explanation(site, feature, label.text, explanations.OWN_SOURCE), *imported]
        return stored

    def site_captions(self, model: str, site: str) -> dict[int, explanations.Explanation]:
        """Best label of each feature of a site, by feature index."""
        with closing(open_explanations()) as store:
            return store.captions(model, site)

    def set_label(self, model: str, site: str, feature: int, text: str) -> None:
        """Label a feature: its nodes in one undo step, and its entry in the store.

        An empty text removes both. Of a feature that the circuit does not have, the entry is the undo step;
        of one that it has, the store keeps the word and offers it.
        """
        nodes, text, title = self.circuit_nodes(site, feature), text.strip(), f"Label {site}.f{feature}"
        write = partial(self._store, model, site, feature)
        if not nodes:
            with closing(open_explanations()) as store:
                stored = store.explanations_of(model, site, feature)
            before = next((one.text for one in stored if one.source == explanations.OWN_SOURCE), "")
            if text != before:
                self.workspace.undo_stack.push(_StoreStep(title, write, before, text))
            return
        labels = self.workspace.document.state.labels
        if text:
            colour = colour_for_role(labels, text)
            new_labels = {
                n: replace(labels.get(n, Label(text, colour)), text=text, colour=colour) for n in nodes
            }
            self.workspace.apply_command(set_labels(new_labels, title))
        elif labelled := [n for n in nodes if n in labels]:
            self.workspace.apply_command(remove_labels(labelled))
        write(text)

    def _store(self, model: str, site: str, feature: int, text: str) -> None:
        with closing(open_explanations()) as store:
            store.set_own_label(model, site, feature, text)
        self._on_stored()

    def suggested_labels(self) -> list[str]:
        """Labels that the selected feature has in the store, the user's own first."""
        opened, nodes = self.workspace.opened_model, self.workspace.selected_nodes
        feature = parse_feature_name(next(iter(nodes))) if len(nodes) == 1 else None
        if opened is None or feature is None or not self.store_path.exists():
            return []
        with closing(open_explanations()) as store:
            return [
                explanation.text
                for explanation in store.explanations_of(opened.model, feature.site, feature.feature)
            ]

    def label_circuit(self, model: str) -> int:
        """Label the circuit's unlabelled features from the user's labels in the store.

        Returns:
            Number of nodes that were labelled.
        """
        state = self.workspace.document.state
        new_labels: dict[str, Label] = {}
        captions_by_site: dict[str, dict[int, explanations.Explanation]] = {}
        for node in () if state.circuit is None else state.circuit.node_names:
            feature = parse_feature_name(node)
            if feature is None or node in state.labels:
                continue
            if feature.site not in captions_by_site:
                captions_by_site[feature.site] = self.site_captions(model, feature.site)
            explanation = captions_by_site[feature.site].get(feature.feature)
            if explanation is not None and explanation.source == explanations.OWN_SOURCE:
                new_labels[node] = Label(
                    explanation.text, colour_for_role({**state.labels, **new_labels}, explanation.text)
                )
        if new_labels:
            self.workspace.apply_command(set_labels(new_labels, "Label features from the notebook"))
        return len(new_labels)

    def _circuit_label(self, site: str, feature: int) -> Label | None:
        labels = self.workspace.document.state.labels
        return next((labels[n] for n in self.circuit_nodes(site, feature) if n in labels), None)
