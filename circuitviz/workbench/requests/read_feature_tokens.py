"""The tokens that features and neurons promote, for their names on the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import features
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import dashboards
from circuitviz.graph.feature_sites import site_of
from circuitviz.graph.nodes import Node, NodeKind
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.requests.discover_prompt_circuit import require_prompt_session
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

PromotedTokens = dict[str, list[tuple[str, float]]]
"""For each node the tokens that it raises most, with their logits."""


@dataclass(frozen=True)
class ReadFeatureTokens(Query):
    """Read the tokens that features and neurons promote; features without a dictionary are left out.

    Attributes:
        attribution_query: Of the prompt that is open; None for the features of a task's circuit.
        features: Nodes that are features or neurons.
    """

    title = "Could not read the features' tokens"
    activity = "Reading which tokens features promote"
    priority = Priority.READ_TOP_TOKENS
    needs_task = False
    may_preempt_search = True

    attribution_query: AttributionQuery | None
    features: tuple[Node, ...]

    def compute_steps(self, engine: Engine) -> ProgressSteps[PromotedTokens]:
        """A step for each site."""
        if self.attribution_query is not None:
            session = require_prompt_session(engine, self.attribution_query)
            model, opened = session.table.run.model, tuple(session.dictionaries)
        else:
            experiment = engine.require_experiment()
            model, opened = experiment.model, tuple(experiment.dictionaries)
        of_site = {dictionary.site.name: dictionary for dictionary in opened}
        by_site: dict[str, list[Node]] = {}
        for node in self.features:
            is_known = node.kind is NodeKind.NEURON or site_of(node) in of_site
            if is_known and node.feature is not None:
                by_site.setdefault(site_of(node), []).append(node)
        found: PromotedTokens = {}
        for done, (site, nodes) in enumerate(by_site.items()):
            yield Progress(done, len(by_site), f"features of {site}")
            numbers = sorted({node.feature for node in nodes if node.feature is not None})
            if nodes[0].kind is NodeKind.NEURON:
                directions = features.neuron_directions(model, int(site[1:]), numbers)
                tokens = dashboards.promoted_tokens_of(model, directions)
            else:
                tokens = dashboards.promoted_tokens(model, of_site[site], numbers)
            effects = dict(zip(numbers, tokens, strict=True))
            for node in nodes:
                if node.feature is not None:
                    found[node.name] = [(effect.token, effect.value) for effect in effects[node.feature]]
        return found
