"""What is ablated now, and what has been tried before: an afternoon's work is worth keeping."""

from __future__ import annotations

from typing import Any

from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document


class InterventionsPart(Part):
    """``ablated`` is the state's, ``history`` what was tried, oldest first."""

    keys = ("ablated", "history")

    def write(self, document: Document) -> dict[str, Any]:
        """Names of nodes and edges."""
        state = document.state
        return {
            "ablated": {"nodes": sorted(state.ablated_nodes), "edges": sorted(state.ablated_edges)},
            "history": document.history,
        }

    def state(self, opened: Opened) -> dict[str, Any]:
        """What is ablated, where the graph has it."""
        given = opened.manifest["ablated"]
        return {
            "ablated_nodes": frozenset(opened.nodes(given["nodes"])),
            "ablated_edges": frozenset(opened.edges(given["edges"])),
        }

    def attach(self, opened: Opened, document: Document) -> None:
        """The history; its measured numbers lie under the same keys in ``evaluations``."""
        for tried in opened.get("history", []):
            nodes, edges = opened.nodes(tried["nodes"]), opened.edges(tried["edges"])
            document.history.append({"key": str(tried["key"]), "nodes": nodes, "edges": edges})


parts.register("interventions", summary="what is ablated, and was")(InterventionsPart())
