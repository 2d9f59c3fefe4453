"""Backup: which heads' direct effects grow once other nodes are ablated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.evaluation.direct_effects import measure_direct_effects
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.graph import Circuit, Interval
from circuitviz.options import option
from circuitviz.progress import ProgressSteps


@dataclass(frozen=True)
class BackupOptions:
    """Which nodes are ablated."""

    nodes: str = option(
        "selection", "nodes to ablate, with commas between them; selection: those selected in the window"
    )
    mlps: bool = option(False, "list MLPs, too")


@dataclass(frozen=True)
class HeadEffect:
    """A head's direct effect on the metric before and after the ablation.

    Attributes:
        node: The head.
        before: Mean over prompts in the full model.
        after: Mean with the nodes ablated.
        change: After minus before, with its interval.
    """

    node: str
    before: float
    after: float
    change: Interval


@dataclass(frozen=True)
class BackupEffects:
    """Direct effects of the other heads, before and after the ablation.

    Attributes:
        ablated: The nodes that were ablated.
        metric: The mean metric ``before`` and ``after``.
        heads: The heads.
    """

    ablated: tuple[str, ...]
    metric: dict[str, float] = field(default_factory=dict)
    heads: list[HeadEffect] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them, the largest rise first."""
        order = sorted(self.heads, key=lambda effect: effect.before - effect.after)
        return {
            "ablated": list(self.ablated),
            "metric": self.metric,
            "heads": [asdict(effect) for effect in order],
        }


def find_ablated_nodes(measure_input: MeasureInput, options: BackupOptions) -> tuple[str, ...]:
    """The nodes that the options name; InputError where there is none, or one is no sender of the model."""
    names = tuple(part.strip() for part in options.nodes.split(",") if part.strip())
    ablated = measure_input.require_senders(
        measure_input.selection if options.nodes == "selection" else names
    )
    if not ablated:
        raise InputError(
            "No node was given to ablate; select some in the window, or name them: "
            "--backup-nodes a2.h6 on the command line."
        )
    return ablated


@measures.register(
    "backup",
    summary="How each other head's direct effect on the metric changes when some nodes are ablated",
    reference="Wang et al. 2023; McGrath et al. 2023 (self-repair)",
    options=BackupOptions,
    check=find_ablated_nodes,
)
def measure_backup(measure_input: MeasureInput, options: BackupOptions) -> ProgressSteps[BackupEffects]:
    """Measure each head's direct effect on the metric, in the model with and without the ablated nodes.

    The direct effect of a head is L minus L with its edge to the logits ablated: exact, per prompt. The
    interval is that of the change.

    Source: [wang2023ioi], [mcgrath2023hydra].
    """
    graph, bench = measure_input.circuit.graph, measure_input.bench
    ablated = find_ablated_nodes(measure_input, options)
    rows = [
        row
        for row, node in enumerate(graph.nodes[:-1])
        if node.name not in ablated
        and graph.mask[row, -1]
        and (node.head is not None or (options.mlps and node.name[0] == "m"))
    ]
    full = Circuit.full(graph)
    effects_by_case: list[NDArray[np.float64]] = []
    metric: dict[str, float] = {}
    for number, (name, circuit) in enumerate((("before", full), ("after", full.ablate(ablated)))):
        message = f"direct effects {name}"
        value, effects = yield from measure_direct_effects(bench, circuit.edges, rows, message, (number, 2))
        metric[name] = float(value.mean())
        effects_by_case.append(effects)
    heads = [
        HeadEffect(
            graph.senders[row],
            float(before.mean()),
            float(after.mean()),
            bootstrap_interval((after, before), lambda a, b: a - b, bench.setting.task.seed),
        )
        for row, before, after in zip(rows, *effects_by_case, strict=True)
    ]
    return BackupEffects(ablated, metric, heads)
