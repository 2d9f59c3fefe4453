"""All that a person can change and undo is one immutable value, so undo is exact by construction."""

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
from circuitviz.document.labels import EvidenceContext, Label, target_kind
from circuitviz.document.origin import Origin, PromptOrigin
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Circuit, Graph, Interventions, Scores
from circuitviz.graph.scores import SIGN_KEY

ZERO_ABLATION_RULE = (
    "an MLP's output bias is its own"  # before, zero and scaling left it: those numbers are others
)


@dataclass(frozen=True)
class State:
    """A circuit with what was done to it.

    ``ablated_nodes`` and ``ablated_edges`` hold names; ``interventions`` what nodes are made to write
    instead of their own output; ``labels`` are kept by the name of what they
    speak of: a node, an edge, ``group:NAME`` or ``class:NAME``; ``positions`` hold the places of nodes
    that were moved by hand, in the layout's units; ``groups`` what was put together, by name; ``filters``
    what of it all is drawn. ``detached`` is what was made of parts that the circuit does not have now.
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

    @cached_property
    def live_circuit(self) -> Circuit | None:
        """The circuit without what is ablated: what is measured."""
        if self.circuit is None:
            return None
        if not self.ablated_nodes and not self.ablated_edges:
            return self.circuit
        return self.circuit.without(self.ablated_nodes, self.ablated_edges)

    @cached_property
    def active_interventions(self) -> Interventions:
        """The interventions that can be felt: a node that is out writes nothing at all."""
        return {n: what for n, what in self.interventions.items() if n not in self.ablated_nodes}

    @property
    def sign_meaning(self) -> str:
        """What the sign of a score means, a key of ``filters.SIGN_MEANINGS``."""
        if self.scores is None:
            return "none"
        return "helps" if self.scores.sign_known else "file"

    @property
    def requirements(self) -> tuple[object, ...]:
        """What has to be open for it to be measured; empty where nobody knows."""
        return () if self.origin is None else self.origin.requirements

    @property
    def query(self) -> AttributionQuery | None:
        """What a prompt circuit answers; None where the circuit is of a task, or nobody knows its origin."""
        return self.origin.query if isinstance(self.origin, PromptOrigin) else None

    @property
    def is_prompt_circuit(self) -> bool:
        """Whether the circuit is of features on one prompt."""
        return isinstance(self.origin, PromptOrigin)

    @property
    def subject(self) -> tuple[object, ...] | None:
        """What the circuit is about, as its origin says; None where nobody knows."""
        return None if self.origin is None else self.origin.subject

    @property
    def method_options(self) -> Mapping[str, Any]:
        """What the method was given that found it."""
        return {} if self.origin is None else self.origin.options

    @property
    def is_unmodified(self) -> bool:
        """Whether nothing is ablated or changed."""
        return not (self.ablated_nodes or self.ablated_edges or self.interventions)

    @cached_property
    def nodes_by_label(self) -> dict[str, tuple[str, ...]]:
        """Nodes by what their labels call them; a label without a colour is no class."""
        found: dict[str, tuple[str, ...]] = {}
        for target, label in self.labels.items():
            if target_kind(target) == "node" and label.colour:
                found[label.text] = (*found.get(label.text, ()), target)
        return found

    @cached_property
    def groups_with_classes(self) -> dict[str, Group]:
        """The groups, and the classes of labelled nodes that are in none: what a class view draws."""
        nodes = () if self.circuit is None else self.circuit.graph.node_index
        return add_class_groups(self.groups, self.nodes_by_label, nodes)

    @cached_property
    def named_node_sets(self) -> dict[str, tuple[str, ...]]:
        """What a person holds together, by name: classes of one label, and groups."""
        together = {name: set(nodes) for name, nodes in self.nodes_by_label.items()}
        for name, group in self.groups.items():
            together.setdefault(name, set()).update(group.nodes)
        return {name: tuple(sorted(nodes)) for name, nodes in together.items()}

    def target_members(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The nodes and the edges that a label's target stands for; none where it is gone."""
        kind, _, name = target.partition(":")
        if kind == "group":
            group = self.groups.get(name)
            return (tuple(sorted(group.nodes)) if group else ()), ()
        if kind == "class":
            return self.nodes_by_label.get(name, ()), ()
        return ((), (target,)) if target_kind(target) == "edge" else ((target,), ())

    @cached_property
    def evidence_context(self) -> EvidenceContext:
        """What a test of a node run now would rest on; evidence with another basis is stale."""
        origin, circuit = self.origin, self.circuit
        key = circuit.digest.hexdigest() if circuit is not None else ""
        return EvidenceContext(origin.weight_hash if origin else "", origin.task_hash if origin else "", key)

    def evidence_context_of(self, target: str) -> EvidenceContext:
        """The same for a label's target: groups and classes may come to hold other nodes."""
        if target_kind(target) in ("group", "class"):
            return replace(self.evidence_context, nodes=" ".join(sorted(self.target_members(target)[0])))
        return self.evidence_context

    @cached_property
    def measurement_key(self) -> str:
        """A key that is equal exactly where an evaluation's result is: edges and setting."""
        if self.live_circuit is None:
            return ""
        digest = self.live_circuit.digest.copy()
        origin = self.origin
        setting = origin and [origin.weight_hash, origin.task_hash, origin.metric, origin.ablation]
        if origin and setting and (origin.ablation == "zero" or self.active_interventions):
            setting.append(ZERO_ABLATION_RULE)
        digest.update(json.dumps([self.live_circuit.graph.shape.key, setting]).encode())
        if not self.live_circuit.graph.same_as(
            Graph.transformer(self.live_circuit.graph.shape)
        ):  # its shape says not all
            told = [node.name for node in self.live_circuit.graph.nodes], sorted(self.ablated_nodes)
            errors = "" if origin is None else origin.options.get("errors", "")
            digest.update(json.dumps([told, errors]).encode())
        if changed := self.active_interventions:
            digest.update(json.dumps(sorted((k, v.to_json) for k, v in changed.items())).encode())
        return digest.hexdigest()

    @property
    def unintervened_key(self) -> str:
        """``measurement_key`` of the same edges, with every node writing what it writes in the model."""
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
                    *(
                        [self.sign_meaning]
                        if self.scores is not None and SIGN_KEY in self.scores.info
                        else []
                    ),
                ]
            ).encode()
        )
        return digest.hexdigest()
