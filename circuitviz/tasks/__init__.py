"""Tasks: pairs of prompts, the answers to the clean one, and the metric that scores them."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
