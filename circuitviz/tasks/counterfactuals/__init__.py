"""Counterfactuals: pairs of prompts that differ in one thing, for tests of claims about components."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
