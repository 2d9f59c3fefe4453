"""Ablations and interventions of the state, and the history of those tried before."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_text, any_value, finite_number, integer_between, list_of, with_rule
from circuitviz.graph import COMPONENT_INTERVENTIONS, FEATURE_INTERVENTIONS, Intervention
from circuitviz.graph.limits import MAX_POSITIONS


class InterventionsPart(DocumentPart):
    """``ablated`` of the state, and ``history``, oldest first.

    Both may hold ``changed``, interventions by node: ``{node: [value, factor, [positions]]}``.
    """

    keys = ("ablated", "history")

    def write(self, document: Document) -> dict[str, Any]:
        """Names of ablated nodes and edges, interventions, and the history."""
        state = document.state
        ablated: dict[str, Any] = {"nodes": sorted(state.ablated_nodes), "edges": sorted(state.ablated_edges)}
        if state.interventions:
            ablated["changed"] = {
                n: intervention.to_json for n, intervention in sorted(state.interventions.items())
            }
        return {"ablated": ablated, "history": document.history}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Ablations and interventions, whose names have to be in the graph."""
        ablated = contents.manifest["ablated"]
        return {
            "ablated_nodes": frozenset(contents.check_nodes(ablated["nodes"])),
            "ablated_edges": frozenset(contents.check_edges(ablated["edges"])),
            "interventions": {
                name: _parse_intervention(data)
                for name, data in _check_interventions(contents, ablated).items()
            },
        }

    def attach(self, contents: FileContents, document: Document) -> None:
        """The history; names of entries on earlier circuits need not be in the graph."""
        for data in contents.get("history", []):
            nodes, edges = ([str(name) for name in data[key]] for key in ("nodes", "edges"))
            entry: dict[str, Any] = {"key": str(data["key"]), "nodes": nodes, "edges": edges}
            if "of" in data:
                entry["of"] = str(data["of"])
            if changed := data.get("changed", {}):
                entry["changed"] = {
                    str(n): _parse_intervention(intervention).to_json for n, intervention in changed.items()
                }
            if setting := data.get("judged"):
                ablation, errors = setting
                entry["judged"] = [str(ablation), str(errors)]
            document.history.append(entry)


intervention_schema = with_rule(list_of(any_value), lambda c: len(c) == 3, "[value, factor, [positions]]")


def _parse_intervention(data: Any) -> Intervention:
    """An intervention from JSON data.

    Raises:
        InputError: Its value, factor or positions are invalid.
    """
    intervention_schema(data, "change of a node")
    any_text(data[0], "change of a node")
    finite_number(data[1], "factor of a node")
    list_of(integer_between(-MAX_POSITIONS, MAX_POSITIONS))(data[2], "positions of a changed node")
    if data[0] not in {**COMPONENT_INTERVENTIONS, **FEATURE_INTERVENTIONS}:
        raise InputError(f"it changes a node by '{data[0]}', which nothing in a circuit can be")
    return Intervention.from_json(data)


def _check_interventions(contents: FileContents, ablated: dict[str, Any]) -> dict[str, Any]:
    changed = ablated.get("changed", {})
    return {name: changed[name] for name in contents.check_nodes(list(changed))}


parts.register("interventions", summary="what is ablated, and was")(InterventionsPart())
