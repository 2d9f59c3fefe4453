"""Metrics: one number per prompt from the logits at its answer position."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
