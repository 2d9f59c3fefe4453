from .registry import Metric as Metric
from .registry import metrics as metrics
