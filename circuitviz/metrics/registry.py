"""The registry of metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from circuitviz.registry import Registry

Metric = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""(logits [batch, vocabulary], correct [batch, k], incorrect [batch, k'], reference logits) → [batch].

Answers are token ids, −1 where a prompt has fewer. The reference is the clean model's logits, given
only to metrics registered with ``reference_logits=True``. Registered with ``smooth=False``, a metric
has no gradient. ``two_sided=True`` asks for incorrect answers.
"""

metrics: Registry[Metric] = Registry("metric", "circuitviz.metrics", "circuitviz.metrics")


def metric_property(name: str, key: str, default: Any = False) -> Any:
    """What a metric was registered with besides its function, such as ``two_sided``."""
    return metrics.get(name).extra.get(key, default)
