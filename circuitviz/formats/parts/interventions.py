"""What is ablated now, and what has been tried before: an afternoon's work is worth keeping."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.graph_limits import MAX_POSITIONS
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_text, any_value, finite_number, integer_between, list_of, with_rule
from circuitviz.graph import Intervention


class InterventionsPart(DocumentPart):
    """``ablated`` is the state's, ``history`` what was tried, oldest first.

    Both name ``changed`` nodes, ``{node: [value, factor, [positions]]}``, where there are any.
    """

    keys = ("ablated", "history")

    def write(self, document: Document) -> dict[str, Any]:
        """Names of nodes and edges."""
        state = document.state
        ablated: dict[str, Any] = {
            "nodes": sorted(state.ablated_nodes),
            "edges": sorted(state.ablated_edges),
        }
        if state.interventions:
            ablated["changed"] = {n: what.to_json for n, what in sorted(state.interventions.items())}
        return {"ablated": ablated, "history": document.history}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """What is ablated, where the graph has it."""
        given = opened.manifest["ablated"]
        return {
            "ablated_nodes": frozenset(opened.check_nodes(given["nodes"])),
            "ablated_edges": frozenset(opened.check_edges(given["edges"])),
            "interventions": {
                name: _parse_intervention(what) for name, what in _check_interventions(opened, given).items()
            },
        }

    def attach(self, opened: FileContents, document: Document) -> None:
        """The history; its measured numbers lie under the same keys in ``evaluations``."""
        for tried in opened.get("history", []):
            # what was tried on an earlier circuit names nodes that the present one need not have
            nodes, edges = ([str(name) for name in tried[key]] for key in ("nodes", "edges"))
            entry: dict[str, Any] = {"key": str(tried["key"]), "nodes": nodes, "edges": edges}
            if "of" in tried:
                entry["of"] = str(tried["of"])
            if changed := tried.get("changed", {}):
                entry["changed"] = {str(n): _parse_intervention(w).to_json for n, w in changed.items()}
            if judged := tried.get("judged"):
                ablation, errors = judged
                entry["judged"] = [str(ablation), str(errors)]
            document.history.append(entry)


intervention_schema = with_rule(list_of(any_value), lambda c: len(c) == 3, "[value, factor, [positions]]")


def _parse_intervention(given: Any) -> Intervention:
    """An intervention from JSON; InputError where its factor or its positions cannot be."""
    intervention_schema(given, "change of a node")
    any_text(given[0], "change of a node")
    finite_number(given[1], "factor of a node")
    list_of(integer_between(-MAX_POSITIONS, MAX_POSITIONS))(given[2], "positions of a changed node")
    return Intervention.from_json(given)


def _check_interventions(opened: FileContents, given: dict[str, Any]) -> dict[str, Any]:
    changed = given.get("changed", {})
    return {name: changed[name] for name in opened.check_nodes(list(changed))}


parts.register("interventions", summary="what is ablated, and was")(InterventionsPart())
