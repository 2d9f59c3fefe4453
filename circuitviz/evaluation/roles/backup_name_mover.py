"""Role test: backup name movers write to the answer once the name movers are ablated [wang2023ioi]."""

from __future__ import annotations

import numpy as np

from circuitviz.evaluation.roles.direct_attribution import direct_logit_attributions
from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, head_names, role_tests
from circuitviz.progress import Progress, ProgressSteps


@role_tests.register(
    "backup-name-mover",
    summary="how much more the head writes to the answer once the name movers are ablated",
    reference="Wang et al. 2022, section 3.4",
    role="Backup Name Mover",
    unit="logits",
    least=0.1,
)
def score_backup_name_movers(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return direct logit attribution without the name movers minus that with them, [heads, prompts].

    The name movers themselves have no score.
    """
    yield Progress(0, 2, "direct effects")
    before = context.direct_attributions
    yield Progress(1, 2, f"direct effects without {', '.join(context.name_movers)}")
    ablation = context.setting.ablation
    after = direct_logit_attributions(context.model, context.task, context.name_movers, ablation)
    change = after - before
    change[np.isin(head_names(context.model), context.name_movers)] = np.nan
    return change
