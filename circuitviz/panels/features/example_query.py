"""The attribution query that a click on a dashboard's example stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import AttributionQuery

if TYPE_CHECKING:
    from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard

EXAMPLE_CIRCUIT_NODES = 60  # of a first circuit: few enough to be read


def query_for_example(
    dashboard: FeatureDashboard | None, example: int, model: str, folders: tuple[str, ...]
) -> AttributionQuery | None:
    """Returns the query for the circuit of a feature in one of its top activating examples.

    Args:
        dashboard: The feature that is shown, or None.
        example: Index into the dashboard's examples.
        model: Name of the open model.
        folders: Folders of the open dictionaries; empty for those of the demo.

    Returns:
        The query, or None where there is no such example.
    """
    if dashboard is None or dashboard.statistics is None or not 0 <= example < len(dashboard.example_prompts):
        return None
    text, tokens = dashboard.example_prompts[example]
    target = f"{dashboard.site}.f{dashboard.feature}@{dashboard.statistics.examples[example].position}"
    return AttributionQuery(
        model, text, target, nodes=EXAMPLE_CIRCUIT_NODES, dictionaries=folders, tokens=tokens
    )
