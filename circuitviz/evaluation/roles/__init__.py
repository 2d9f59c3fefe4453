"""Role tests: what kind of head each head is. Each standard test of a role is one file."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
