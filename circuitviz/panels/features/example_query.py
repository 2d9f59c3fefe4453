"""What a dashboard's example asks: why the feature fires there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import AttributionQuery

if TYPE_CHECKING:
    from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard

EXAMPLE_CIRCUIT_NODES = 60  # of a first circuit: few enough to be read


def query_for_example(
    dashboard: FeatureDashboard | None, example: int, model: str, folders: tuple[str, ...]
) -> AttributionQuery | None:
    """The question of an example by its place in the list; None where there is no such example."""
    if dashboard is None or dashboard.statistics is None or not 0 <= example < len(dashboard.example_prompts):
        return None
    text, tokens = dashboard.example_prompts[example]
    target = f"{dashboard.site}.f{dashboard.feature}@{dashboard.statistics.examples[example].position}"
    return AttributionQuery(
        model, text, target, nodes=EXAMPLE_CIRCUIT_NODES, dictionaries=folders, tokens=tokens
    )
