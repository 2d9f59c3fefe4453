from .batch_ablation_values import ablation_values as ablation_values
from .registry import DiscoveryMethod as DiscoveryMethod
from .registry import TaskSetting as TaskSetting
from .registry import default_selection as default_selection
from .registry import discover as discover
from .registry import discover_steps as discover_steps
from .registry import make_setting as make_setting
from .registry import methods as methods
