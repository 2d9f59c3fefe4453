from .registry import TASK_PAIRS as TASK_PAIRS
from .registry import counterfactual_task as counterfactual_task
from .registry import counterfactuals as counterfactuals
from .registry import list_counterfactuals as list_counterfactuals
from .registry import list_other_task_pairs as list_other_task_pairs
