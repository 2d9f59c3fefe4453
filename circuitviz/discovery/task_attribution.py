"""``task-attribution``: circuits of a task in which some sites show features and the others components."""

from __future__ import annotations

from dataclasses import dataclass, replace

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.eap_ig import QUADRATURE_RULES, path_fractions
from circuitviz.discovery.mixed_attribution import choose_features, score_mixed_edges
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount, count_gradient_passes
from circuitviz.dtypes import NO_OFFLOAD, OFFLOAD_CHOICES, OFFLOAD_TOOL_TIP
from circuitviz.features.feature_basis import load_dictionaries_by_site, parse_sites
from circuitviz.features.task_ablation_values import check_feature_ablation
from circuitviz.graph import Scores
from circuitviz.options import build_options, option
from circuitviz.progress import ProgressSteps

METHOD_NAME = "task-attribution"
RULED_GRADIENTS: dict[str, tuple[str, dict[str, str]]] = {
    "relp": ("relp", {"qk": "constant"}),
    "relp-qk": ("relp", {"qk": "gradient"}),
    "gim": ("gim", {}),
}  # method and its options


@dataclass(frozen=True)
class TaskAttributionOptions:
    """Which sites show features, of which dictionaries, and how the gradient is taken."""

    sites: str = option(
        "a2",
        "sites shown as features: a2 (heads of layer 2), m3 (MLP of layer 3), r3 (stream before it); a2,m3",
    )
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
    offload: str = option(NO_OFFLOAD, OFFLOAD_TOOL_TIP, choices=OFFLOAD_CHOICES)
    gradient: str = option(
        "eap-ig",
        "how the gradient is taken: eap-ig averages over steps; relp, relp-qk (with patterns' gradient) and "
        "gim follow these methods' rules",
        choices=("eap-ig", *RULED_GRADIENTS),
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
    at_clean=lambda options: (  # features are chosen by the gradient there
        bool(parse_sites(options.sites))
        or options.gradient != "eap-ig"
        or path_fractions(options.steps, options.rule) == [1.0]
    ),
    count_passes=lambda setting, options: _count_passes(setting, options),
    check=lambda setting, options: _check(setting, options),
)
def task_attribution(setting: TaskSetting, options: TaskAttributionOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v; u and v may be features.

    Source: [marks2024sparse], [hanna2024faithfulness].
    """
    points = [GradientPoint(share) for share in path_fractions(options.steps, options.rule)]
    if (rules := _check_rules(setting, options)) is not None:
        points = [GradientPoint()]
    sites = parse_sites(options.sites)
    if not sites:
        return (
            yield from score_by_average_gradients(setting, METHOD_NAME, lambda batch: points, rules=rules)
        )
    site_dictionaries = load_dictionaries_by_site(
        setting.model, options.dictionaries, sites, _offload_of(options.offload)
    )
    opening, site_info = yield from choose_features(setting, site_dictionaries, options.features)
    scores = yield from score_mixed_edges(setting, opening, points, METHOD_NAME, {"sites": site_info}, rules)
    return replace(scores, info={"sites": site_info})


def _offload_of(name: str) -> str | None:
    """``none`` leaves it to the process, which may keep all dictionaries elsewhere."""
    return None if name == NO_OFFLOAD else name


def _check(setting: TaskSetting, options: TaskAttributionOptions) -> None:
    """InputError where features have no ablation values, or the model has a part without a rule."""
    if parse_sites(options.sites):
        check_feature_ablation(setting.ablation)
    _check_rules(setting, options)


def _check_rules(setting: TaskSetting, options: TaskAttributionOptions) -> BackwardRules | None:
    """What the backward pass does differently; InputError where the model has a part without a rule."""
    if options.gradient not in RULED_GRADIENTS:
        return None
    method, method_options = RULED_GRADIENTS[options.gradient]
    entry = methods.get(method)
    rules: BackwardRules = entry.extra["rules"](build_options(entry.options, method_options))
    rules.check(setting.model, method)
    return rules


def _count_passes(setting: TaskSetting, options: TaskAttributionOptions) -> PassCount:
    """Where sites show features, these are chosen by a pass with a gradient, and run on corrupted prompts."""
    n_gradients, has_sites = (
        options.steps if options.gradient == "eap-ig" else 1,
        bool(parse_sites(options.sites)),
    )
    return count_gradient_passes(
        setting, 2 + 3 * has_sites, n_gradients + has_sites, keeps_earlier=not has_sites
    )
