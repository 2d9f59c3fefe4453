"""The state of a document: one immutable value, so that undo is exact by construction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.detached_annotations import DetachedAnnotations
from circuitviz.document.groups import Group, add_class_groups
from circuitviz.document.labels import EvidenceContext, Label, class_key, target_kind
from circuitviz.document.origin import Origin, PromptOrigin, TaskOrigin
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Circuit, Graph, Interventions, Scores
from circuitviz.graph.scores import SIGN_KEY
from circuitviz.graph.steering import SteeringResult

# Marks evaluations by the current rule; earlier versions did not ablate an MLP's output bias.
ZERO_ABLATION_RULE = "an MLP's output bias is its own"


@dataclass(frozen=True)
class State:
    """A circuit with its modifications and annotations.

    Attributes:
        origin: How the circuit was computed; None where unknown.
        scores: Scores that the circuit was selected from.
        circuit: The circuit; None in an empty document.
        ablated_nodes: Names of ablated nodes.
        ablated_edges: Names of ablated edges.
        interventions: What nodes write instead of their own output, by name.
        labels: Labels by target: a node, an edge, ``group:NAME`` or ``class:NAME``.
        positions: Positions of nodes moved by hand, in the layout's units.
        groups: Groups by name.
        filters: Which part of the circuit is drawn.
        detached: Annotations of nodes that the circuit does not show at present.
        notes: A text about the circuit, plain or Markdown.
        steering: What the model wrote while it was steered, the latest last.
    """

    origin: Origin | None = None
    scores: Scores | None = None
    circuit: Circuit | None = None
    ablated_nodes: frozenset[str] = frozenset()
    ablated_edges: frozenset[str] = frozenset()
    interventions: Interventions = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    filters: ViewFilters = field(default_factory=ViewFilters)
    detached: DetachedAnnotations = field(default_factory=DetachedAnnotations)
    notes: str = ""
    steering: tuple[SteeringResult, ...] = ()

    @cached_property
    def live_circuit(self) -> Circuit | None:
        """The circuit without ablated nodes and edges, which is what is evaluated."""
        if self.circuit is None:
            return None
        if not self.ablated_nodes and not self.ablated_edges:
            return self.circuit
        return self.circuit.ablate(self.ablated_nodes, self.ablated_edges)

    @cached_property
    def active_interventions(self) -> Interventions:
        """Interventions of nodes that are not ablated."""
        return {
            n: intervention for n, intervention in self.interventions.items() if n not in self.ablated_nodes
        }

    @property
    def sign_meaning(self) -> str:
        """What the sign of a score means, a key of ``view_filters.SIGN_MEANINGS``."""
        if self.scores is None:
            return "none"
        return "helps" if self.scores.sign_known else "file"

    @property
    def requirements(self) -> tuple[object, ...]:
        """Key of what has to be open to evaluate the circuit; empty where the origin is unknown."""
        return () if self.origin is None else self.origin.requirements

    @property
    def query(self) -> AttributionQuery | None:
        """The query of a prompt circuit; None where the circuit is of a task or its origin is unknown."""
        return self.origin.query if isinstance(self.origin, PromptOrigin) else None

    @property
    def is_prompt_circuit(self) -> bool:
        """Whether the circuit is of features on one prompt."""
        return isinstance(self.origin, PromptOrigin)

    @property
    def subject(self) -> tuple[object, ...] | None:
        """Key of what the circuit is about (``Origin.subject``); None where the origin is unknown."""
        return None if self.origin is None else self.origin.subject

    @property
    def method_options(self) -> Mapping[str, Any]:
        """Options of the method that found the circuit."""
        return {} if self.origin is None else self.origin.options

    @property
    def is_unmodified(self) -> bool:
        """Whether nothing is ablated or changed."""
        return not (self.ablated_nodes or self.ablated_edges or self.interventions)

    @property
    def unmodified(self) -> State:
        """The state with nothing ablated and nothing changed."""
        if self.is_unmodified:
            return self
        return replace(self, ablated_nodes=frozenset(), ablated_edges=frozenset(), interventions={})

    @cached_property
    def nodes_by_label(self) -> dict[str, tuple[str, ...]]:
        """Names of nodes by class: labels with the same text, ignoring case, in the spelling of the first."""
        nodes: dict[str, tuple[str, ...]] = {}
        for target, label in self.labels.items():
            if target_kind(target) == "node" and (name := self.class_of(label)):
                nodes[name] = (*nodes.get(name, ()), target)
        return nodes

    @cached_property
    def _class_names(self) -> dict[str, str]:
        """The first spelling of each class, by ``class_key``."""
        names: dict[str, str] = {}
        for target, label in self.labels.items():
            if target_kind(target) == "node" and label.colour:
                names.setdefault(class_key(label.text), label.text)
        return names

    def class_of(self, label: Label | None) -> str:
        """The class that a node's label is of; empty where it has no colour, and so forms none."""
        return "" if label is None or not label.colour else self._class_names.get(class_key(label.text), "")

    def class_members(self, name: str) -> tuple[str, ...]:
        """Names of the nodes of a class, whatever the case of its name; empty where there is none."""
        return self.nodes_by_label.get(self._class_names.get(class_key(name), ""), ())

    @cached_property
    def groups_with_classes(self) -> dict[str, Group]:
        """The groups, and one for each label with ungrouped nodes, as the class view draws them."""
        nodes = () if self.circuit is None else self.circuit.graph.node_index
        return add_class_groups(self.groups, self.nodes_by_label, nodes)

    @cached_property
    def named_node_sets(self) -> dict[str, tuple[str, ...]]:
        """Nodes of each class and group, by name."""
        node_sets = {name: set(nodes) for name, nodes in self.nodes_by_label.items()}
        for name, group in self.groups.items():
            node_sets.setdefault(name, set()).update(group.nodes)
        return {name: tuple(sorted(nodes)) for name, nodes in node_sets.items()}

    def target_members(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the nodes and of the edges of a label's target; empty where it no longer exists."""
        kind, _, name = target.partition(":")
        if kind == "group":
            group = self.groups.get(name)
            return (tuple(sorted(group.nodes)) if group else ()), ()
        if kind == "class":
            return self.class_members(name), ()
        return ((), (target,)) if target_kind(target) == "edge" else ((target,), ())

    @cached_property
    def evidence_context(self) -> EvidenceContext:
        """What a test of a node would depend on now; evidence with another basis is stale."""
        origin, circuit = self.origin, self.circuit
        key = circuit.digest.hexdigest() if circuit is not None else ""
        return EvidenceContext(origin.weight_hash if origin else "", origin.task_hash if origin else "", key)

    def evidence_context_of(self, target: str) -> EvidenceContext:
        """``evidence_context`` of a label's target, with the nodes of a group or class."""
        if target_kind(target) in ("group", "class"):
            return replace(self.evidence_context, nodes=" ".join(sorted(self.target_members(target)[0])))
        return self.evidence_context

    @cached_property
    def measurement_key(self) -> str:
        """Hash of edges, modifications and setting; equal for states whose evaluations are equal."""
        if self.live_circuit is None:
            return ""
        digest = self.live_circuit.digest.copy()
        origin = self.origin
        setting = origin and [origin.weight_hash, origin.task_hash, origin.metric, origin.ablation]
        if origin and setting and (origin.ablation == "zero" or self.active_interventions):
            setting.append(ZERO_ABLATION_RULE)
        if setting and isinstance(origin, TaskOrigin) and origin.constants is not None:
            setting.append(origin.constants.digest)
        digest.update(json.dumps([self.live_circuit.graph.shape.key, setting]).encode())
        graph = self.live_circuit.graph
        if not graph.same_as(Graph.transformer(graph.shape)):  # then it does not follow from its shape
            graph_key = [node.name for node in graph.nodes], sorted(self.ablated_nodes)
            errors = "" if origin is None else origin.options.get("errors", "")
            digest.update(json.dumps([graph_key, errors]).encode())
        if (
            graph.spans is not None and origin is not None
        ):  # which tokens a span has is no part of the task's hash
            digest.update(json.dumps([graph.spans.attends, [pair[4:] for pair in origin.pairs]]).encode())
        if interventions := self.active_interventions:
            digest.update(json.dumps(sorted((k, v.to_json) for k, v in interventions.items())).encode())
        return digest.hexdigest()

    @property
    def unintervened_key(self) -> str:
        """``measurement_key`` of the same edges without interventions."""
        return replace(self, interventions={}).measurement_key

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything in the state."""
        digest = hashlib.sha256(self.measurement_key.encode())
        if self.scores is not None:
            digest.update(self.scores.digest)
        if self.circuit is not None:
            digest.update(self.circuit.digest.digest())
        digest.update(
            json.dumps(
                [
                    sorted(self.ablated_nodes),
                    sorted(self.ablated_edges),
                    sorted((k, v.to_json) for k, v in self.interventions.items()),
                    sorted((k, v.digest()) for k, v in self.labels.items()),
                    sorted((k, *v) for k, v in self.positions.items()),
                    sorted((k, *g.identity) for k, g in self.groups.items()),
                    self.filters.to_json(),
                    *([self.detached.identity] if self.detached else []),
                    *([["notes", self.notes]] if self.notes else []),
                    *([["steering", *(one.digest for one in self.steering)]] if self.steering else []),
                    *(
                        [self.sign_meaning]
                        if self.scores is not None and SIGN_KEY in self.scores.info
                        else []
                    ),
                ]
            ).encode()
        )
        return digest.hexdigest()
