"""The registry of metrics."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from circuitviz.registry import Registry

Metric = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""(logits [batch, vocabulary], correct [batch, k], incorrect [batch, k'], reference logits) → [batch].

Answers are token ids, −1 where a prompt has fewer. The reference is the clean model's logits, given
only to metrics registered with ``reference_logits=True``. Registered with ``smooth=False``, a metric
has no gradient. ``two_sided=True`` asks for incorrect answers.
"""

metrics: Registry[Metric] = Registry("metric", "circuitviz.metrics", "circuitviz.metrics")
