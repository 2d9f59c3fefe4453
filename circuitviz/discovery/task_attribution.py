"""``task-attribution``: circuits of a task in which some sites show features and the others components."""

from __future__ import annotations

from dataclasses import dataclass, replace

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.eap_ig import QUADRATURE_RULES, path_fractions
from circuitviz.discovery.mixed_attribution import choose_features, score_mixed_edges
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.features.feature_basis import load_dictionaries_by_site, parse_sites
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import ProgressSteps

METHOD_NAME = "task-attribution"


@dataclass(frozen=True)
class TaskAttributionOptions:
    """Which sites show features, of which dictionaries, and how the gradient is taken."""

    sites: str = option("a2", "sites shown as features: a2 (heads of layer 2), m3 (MLP of layer 3); a2,m3")
    features: int = option(
        40, "number of features listed at each site; the others are part of its error", low=1
    )
    dictionaries: str = option(
        "", "folders of dictionaries, separated by ;, or empty for those of the demo model"
    )
    errors: str = option(
        "judged",
        "in evaluation, what sites write beyond the listed features: a node like any other (judged), "
        "always kept (kept), or removed (dropped)",
        choices=("judged", "kept", "dropped"),
    )
    steps: int = option(5, "points on the line from the ablated to the clean input", low=1, high=1000)
    rule: str = option(
        "left", "where in each interval the gradient is taken, as for eap-ig", choices=QUADRATURE_RULES
    )


@methods.register(
    METHOD_NAME,
    summary="EAP-IG with some sites shown as features: one circuit of heads, MLPs and features",
    reference="Marks et al. 2024; Hanna et al. 2024",
    use="Where dictionaries (SAEs, transcoders) are open for some sites",
    options=TaskAttributionOptions,
    smooth=True,
    count_passes=lambda setting, options: count_gradient_passes(3, options.steps),
)
def task_attribution(setting: TaskSetting, options: TaskAttributionOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v; u and v may be features.

    Source: [marks2024sparse], [hanna2024faithfulness].
    """
    points = [GradientPoint(share) for share in path_fractions(options.steps, options.rule)]
    sites = parse_sites(options.sites)
    if not sites:
        return (yield from score_by_average_gradients(setting, METHOD_NAME, lambda batch: points))
    site_dictionaries = load_dictionaries_by_site(setting.model, options.dictionaries, sites)
    opening, site_info = yield from choose_features(setting, site_dictionaries, options.features)
    scores = yield from score_mixed_edges(setting, opening, points, METHOD_NAME, {"sites": site_info})
    return replace(scores, info={"sites": site_info})
